//! HAProxy's answers, as text. Whatever is not known is an error: a server whose state is in doubt is not empty, and
//! not up.

use std::collections::HashMap;

use super::LONGEST;
use crate::balancer::counters::Counters;
use crate::balancer::{Admin, BalancerError, Health, Server, Servers};
use crate::environment::error_rate::Tally;
use crate::environment::traffic::is_server_name;

/// Version of the form of `show servers state` that is understood.
const STATE_VERSION: &str = "1";
/// `srv_admin_state`: forced, inherited or by configuration into maintenance; by a name that does not resolve.
const MAINTENANCE: u32 = 0x01 | 0x02 | 0x04 | 0x20 | 0x40;
/// `srv_admin_state`: forced or inherited into draining.
const DRAIN: u32 = 0x08 | 0x10;
/// `srv_check_state`: a check is configured.
const CONFIGURED: u32 = 0x02;

/// An answer that is complete.
pub(super) fn whole(answer: Vec<u8>) -> Result<String, BalancerError> {
    if answer.len() as u64 > LONGEST {
        return Err(doubt("longer than any answer"));
    }
    if answer.is_empty() {
        return Err(BalancerError::InDoubt("HAProxy does not answer at its socket".to_owned()));
    }
    let text = String::from_utf8(answer).map_err(|_| doubt("not text"))?;
    // Every answer ends with an empty line, also an empty one.
    if text.ends_with('\n') { Ok(text) } else { Err(doubt("cut off")) }
}

/// The answer to a change: silence.
pub(super) fn done(answer: &str) -> Result<(), BalancerError> {
    match answer.trim() {
        "" => Ok(()),
        said => Err(BalancerError::Refused(format!("HAProxy says: {}", shown(said)))),
    }
}

/// A name that cannot end a command or begin another one.
pub(super) fn name(name: &str) -> Result<&str, BalancerError> {
    if is_server_name(name) {
        Ok(name)
    } else {
        Err(BalancerError::Refused(format!("`{}` is no name of HAProxy's", shown(name))))
    }
}

/// Foreign text, fit to be printed in one line.
pub(in crate::balancer) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// The servers of a backend, by `show servers state` and `show stat`.
pub(super) fn servers(backend: &str, states: &str, counters: &str) -> Result<Servers, BalancerError> {
    let rows = states_table(backend, states)?;
    let counters = table(counters, ',')?;
    let mut servers = Servers::new();
    for row in &rows {
        let name = field(row, "srv_name")?;
        let of_server =
            |line: &&HashMap<&str, &str>| line.get("pxname") == Some(&backend) && line.get("svname") == Some(&name);
        let counted = counters.iter().find(of_server).ok_or_else(|| doubt("a server without counters"))?;
        servers.insert(name.to_owned(), server(row, counted)?);
    }
    Ok(servers)
}

fn server(state: &HashMap<&str, &str>, counters: &HashMap<&str, &str>) -> Result<Server, BalancerError> {
    let admin: u32 = number(state, "srv_admin_state")?;
    let admin = match admin {
        0 => Admin::Ready,
        bits if bits & MAINTENANCE != 0 => Admin::Maintenance,
        bits if bits & !DRAIN == 0 => Admin::Drain,
        _ => return Err(doubt("an unknown state of a server")),
    };
    let is_tracking = counters.get("tracked").is_some_and(|tracked| !tracked.is_empty());
    let is_checked = is_tracking || number::<u32>(state, "srv_check_state")? & CONFIGURED != 0;
    let health = match (is_checked, number::<u32>(state, "srv_op_state")?) {
        (false, _) => Health::Unchecked,
        // Starting servers get requests too.
        (true, 1 | 2) => Health::Up,
        (true, 0) => Health::Down,
        (true, 3) => Health::Stopping,
        _ => return Err(doubt("an unknown state of a server")),
    };
    Ok(Server {
        address: field(state, "srv_addr")?.to_owned(),
        port: number(state, "srv_port")?,
        admin,
        health,
        sessions: Some(number(counters, "scur")?),
        queued: number(counters, "qcur")?,
        // Older ones keep none to themselves.
        kept: counters.get("srv_icur").and_then(|count| count.parse().ok()).unwrap_or(0),
        backup: number::<u32>(counters, "bck")? > 0,
        sticky: counters.get("cookie").is_some_and(|cookie| !cookie.is_empty()),
    })
}

/// What the process of `show info` has counted, by `show stat`.
pub(super) fn counters(backend: &str, process: &str, counters: &str) -> Result<Counters, BalancerError> {
    let info: HashMap<&str, &str> = process.lines().filter_map(|line| line.split_once(": ")).collect();
    let rows = table(counters, ',')?;
    let of_backend = rows.iter().filter(|row| row.get("pxname") == Some(&backend));
    let servers = of_backend.map(|row| Ok((field(row, "svname")?.to_owned(), tally(row)?)));
    let servers = servers.collect::<Result<_, BalancerError>>()?;
    Ok(Counters { process: number(&info, "Pid")?, uptime: number(&info, "Uptime_sec")?, servers })
}

/// Of HTTP: answers by their kind, and requests that got none, as the connection failed (`econ`) or the answer broke off
/// (`eresp`). What is forwarded without being looked into has no answers to count, but connections.
fn tally(row: &HashMap<&str, &str>) -> Result<Tally, BalancerError> {
    let unanswered = number::<u64>(row, "econ")? + number::<u64>(row, "eresp")?;
    if field(row, "hrsp_5xx")?.is_empty() {
        return Ok(Tally { requests: number::<u64>(row, "stot")?.max(unanswered), failed: unanswered });
    }
    let kinds = ["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"];
    let answered: u64 = kinds.iter().map(|kind| number::<u64>(row, kind)).sum::<Result<_, _>>()?;
    Ok(Tally { requests: answered + unanswered, failed: number::<u64>(row, "hrsp_5xx")? + unanswered })
}

fn states_table<'a>(backend: &str, text: &'a str) -> Result<Vec<HashMap<&'a str, &'a str>>, BalancerError> {
    match text.split_once('\n') {
        Some((STATE_VERSION, rest)) => table(rest, ' '),
        _ if text.trim() == "Can't find backend." => {
            Err(BalancerError::Refused(format!("HAProxy has no backend `{backend}`")))
        }
        _ => Err(BalancerError::Refused(format!("HAProxy says: {}", shown(text.trim())))),
    }
}

/// Lines beneath a line of names that begins with `# `.
fn table(text: &str, separator: char) -> Result<Vec<HashMap<&str, &str>>, BalancerError> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let Some(header) = lines.next().and_then(|line| line.strip_prefix("# ")) else {
        return Err(BalancerError::Refused(format!("HAProxy says: {}", shown(text.trim()))));
    };
    let names: Vec<_> = header.split(separator).collect();
    Ok(lines.map(|line| names.iter().copied().zip(line.split(separator)).collect()).collect())
}

fn field<'a>(row: &HashMap<&str, &'a str>, name: &str) -> Result<&'a str, BalancerError> {
    row.get(name).copied().ok_or_else(|| doubt(&format!("without `{name}`")))
}

fn number<T: std::str::FromStr>(row: &HashMap<&str, &str>, name: &str) -> Result<T, BalancerError> {
    field(row, name)?.parse().map_err(|_| doubt(&format!("`{name}` is no number")))
}

fn doubt(what: &str) -> BalancerError {
    BalancerError::InDoubt(format!("HAProxy's answer cannot be understood: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_check_state srv_port\n\
        3 web 1 h1 10.0.0.1 2 0 6 8080\n3 web 2 h2 10.0.0.2 0 8 6 8080\n3 web 3 h3 10.0.0.3 2 17 0 8080\n\n";
    const COUNTERS: &str =
        "# pxname,svname,qcur,scur,bck,tracked,cookie\nweb,h1,1,7,0,,one\nweb,h2,0,0,0,,\nweb,h3,0,0,1,web/h1,\n\n";

    fn refused(error: &BalancerError) -> bool {
        matches!(error, BalancerError::Refused(_))
    }

    #[test]
    fn servers_are_read_by_the_names_of_the_columns() {
        let servers = servers("web", STATES, COUNTERS).expect("servers");
        let (h1, h2, h3) = (&servers["h1"], &servers["h2"], &servers["h3"]);
        assert_eq!((h1.admin, h1.health, h1.sessions, h1.queued), (Admin::Ready, Health::Up, Some(7), 1));
        assert!(h1.is_in_traffic() && !h1.is_idle());
        assert!(h1.sticky && !h2.sticky);
        assert_eq!((h2.admin, h2.health, h2.port), (Admin::Drain, Health::Down, 8080));
        assert!(!h2.is_in_traffic() && h2.is_idle());
        assert_eq!((h3.admin, h3.health, h3.backup), (Admin::Maintenance, Health::Up, true));
    }

    #[test]
    fn what_is_not_known_is_no_answer() {
        let other_version = STATES.replacen('1', "2", 1);
        assert!(servers("web", &other_version, COUNTERS).is_err());
        let no_column = STATES.replace("srv_admin_state", "srv_something");
        assert!(servers("web", &no_column, COUNTERS).is_err());
        let unknown_state = STATES.replace(" 2 0 6 ", " 9 0 6 ");
        assert!(servers("web", &unknown_state, COUNTERS).is_err());
        let unknown_admin = STATES.replace(" 2 0 6 ", " 2 1024 6 ");
        assert!(servers("web", &unknown_admin, COUNTERS).is_err());
        assert!(servers("web", STATES, "# pxname,svname,qcur,scur,bck\n").is_err(), "servers without counters");
        assert!(refused(&servers("nope", "Can't find backend.\n\n", COUNTERS).expect_err("no backend")));
    }

    #[test]
    fn requests_are_counted_by_what_became_of_them() {
        let info = "Name: HAProxy\nPid: 4711\nUptime: 0d 1h02m03s\nUptime_sec: 3723\n\n";
        let stat = "# pxname,svname,stot,econ,eresp,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other\n\
            web,h1,130,2,3,0,100,5,10,7,0\nweb,h2,0,0,0,0,0,0,0,0,0\nother,h1,9,9,9,9,9,9,9,9,9\n\n";
        let counted = counters("web", info, stat).expect("counters");
        assert_eq!((counted.process, counted.uptime, counted.servers.len()), (4711, 3723, 2));
        assert_eq!(counted.servers["h1"], Tally { requests: 127, failed: 12 });
        let tcp = "# pxname,svname,stot,econ,eresp,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other\n\
            web,h1,130,2,3,,,,,,\n\n";
        let counted = counters("web", info, tcp).expect("counters");
        assert_eq!(counted.servers["h1"], Tally { requests: 130, failed: 5 });
        assert!(counters("web", "Permission denied\n", stat).is_err());
        assert!(counters("web", info, &stat.replace("hrsp_5xx", "hrsp_x")).is_err());
    }

    #[test]
    fn only_silence_is_success() {
        assert_eq!(done("\n"), Ok(()));
        for said in ["Permission denied\n\n", "No such server.\n\n", "Unknown command: x\n\n"] {
            assert!(refused(&done(said).expect_err("refused")), "{said}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_or_too_long_is_none() {
        assert!(whole(b"1\n# be".to_vec()).is_err());
        assert!(whole(Vec::new()).is_err(), "nothing at all is not the empty answer");
        assert!(whole(vec![b'\n'; 1024 * 1024 + 1]).is_err());
        assert!(whole(b"\n".to_vec()).is_ok());
    }

    #[test]
    fn a_name_can_neither_end_a_command_nor_begin_one() {
        for bad in ["a;b", "a b", "a\nb", "", "a/b", "@1", "<<", "ä"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(name("web-1.example:80_x"), Ok("web-1.example:80_x"));
    }
}
