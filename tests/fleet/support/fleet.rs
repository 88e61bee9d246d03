//! Real hosts, as a test has them.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::poll::until;
use super::session::Session;
use super::{Balancer, Container, Host, Run, SOON, Shape};

static SESSION: Mutex<Option<Session>> = Mutex::new(None);

/// The fleet, for as long as a test holds it; another test waits.
pub struct Fleet {
    session: MutexGuard<'static, Option<Session>>,
}

impl Fleet {
    /// A fleet whose hosts are empty.
    pub fn start() -> Self {
        Self::of(&Shape::TESTS)
    }

    /// The same, of other machines.
    pub fn of(shape: &'static Shape) -> Self {
        let mut session = SESSION.lock().unwrap_or_else(PoisonError::into_inner);
        // A test that failed may leave what no reset can mend.
        let fits = |running: &Session| running.shape == shape && running.reset().is_ok();
        if !session.as_ref().is_some_and(fits) {
            session.take().into_iter().for_each(Session::end);
        }
        session.get_or_insert_with(|| Session::begin(shape));
        Self { session }
    }

    fn session(&self) -> &Session {
        self.session.as_ref().expect("it is up until it is ended")
    }

    /// Ends it, before the process does.
    pub fn end(mut self) {
        self.session.take().into_iter().for_each(Session::end);
    }

    /// A command of the fleet script, such as a fault; what it says.
    #[track_caller]
    pub fn script(&self, arguments: &[&str]) -> String {
        self.script_on(arguments, Stdio::null())
    }

    /// The same, with something to read.
    #[track_caller]
    pub fn script_on(&self, arguments: &[&str], input: Stdio) -> String {
        self.session().script_on(arguments, input).unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// Gives a host its power back, and waits until it can be reached from here.
    #[track_caller]
    pub fn boot(&self, name: &str) {
        self.script(&["boot", name]);
        let host = self.host(name);
        until("the host can be reached", SOON, || host.is_reachable().then_some(()));
    }

    /// A file of the fleet's directory.
    pub fn file(&self, path: &str) -> PathBuf {
        self.session().directory.join(path)
    }

    /// Address of the registry.
    pub fn registry(&self) -> String {
        self.session().facts["registry"]["address"].as_str().expect("the fleet has a registry").to_owned()
    }

    /// All hosts, by name.
    pub fn hosts(&self) -> Vec<Host> {
        let hosts = self.session().facts["hosts"].as_array().expect("the fleet has hosts");
        hosts.iter().map(Host::read).collect()
    }

    /// One host.
    #[track_caller]
    pub fn host(&self, name: &str) -> Host {
        self.hosts().into_iter().find(|host| host.name == name).expect("a host of that name")
    }

    /// One balancer.
    #[track_caller]
    pub fn balancer(&self, name: &str) -> Balancer {
        let balancers = self.session().facts["balancers"].as_array().expect("the fleet has balancers");
        let facts = balancers.iter().find(|balancer| balancer["name"] == name).expect("a balancer of that name");
        Balancer::read(facts, self.file("ssh/config"))
    }

    /// The network of a machine of the fleet, as a file to enter it by.
    pub fn network(&self, machine: &str) -> PathBuf {
        PathBuf::from(format!("/run/netns/fleet-{}-{machine}", self.session().plot.name))
    }

    /// What each host answers as its release; `-` for no answer.
    pub fn releases(&self) -> Vec<String> {
        let asked: Vec<_> = self.hosts().into_iter().map(|host| thread::spawn(move || host.release())).collect();
        asked.into_iter().map(|answer| answer.join().expect("asking does not panic")).collect()
    }

    /// Every container of every host, as text that changes when anything about one does.
    pub fn snapshot(&self) -> Vec<String> {
        self.hosts().iter().flat_map(Host::snapshot).collect()
    }

    /// Whether a rollout holds the lock of some host.
    pub fn is_locked(&self) -> bool {
        self.hosts().iter().any(Host::is_locked)
    }

    /// Holds a report against the engines: what it says runs, runs.
    #[track_caller]
    pub fn assert_true(&self, run: &Run) {
        let rows = run.result["report"]["rows"].as_array().expect("a report has rows");
        assert!(!rows.is_empty(), "a table without a row");
        for row in rows {
            let name = row["host"].as_str().expect("a row names its host");
            if row["now"] == "unknown" {
                continue;
            }
            let running: Vec<u64> = self.host(name).running().iter().map(Container::release).collect();
            let told: Vec<u64> = row["now"]["release"]["number"].as_u64().into_iter().collect();
            assert_eq!(running, told, "{name} runs something else than the table says: {row}");
        }
    }
}
