//! Images that the builder sends: all of them are there before anything is stopped, and one that is there is not sent again.

use std::sync::{Arc, Mutex};

use shipctl::event::{Arrived, Event, EventSink, Record};
use shipctl::rollout::report::Outcome;

use crate::support::environment::{direct, environment, host};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::World;

/// What was sent and stopped, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl EventSink for Told {
    fn take(&self, record: &Record) {
        let line = match &record.event {
            Event::Sent(Arrived { host, image, layers, of, bytes, .. }) => {
                format!("{host}: {layers} of {of} layers of {image}, {bytes} bytes")
            }
            Event::StepStarted { host, step, .. } if step.to_string().starts_with("stop") => format!("{host}: stop"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

impl Told {
    fn since_asked(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join("\n")
    }
}

async fn run(operator: &Operator, command: Command) {
    match operator.run(&command).await {
        End::Reported(report) => assert_eq!(report.outcome, Outcome::Completed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_host_has_the_image_before_one_is_stopped_and_a_way_back_sends_nothing() {
    runtime().block_on(async {
        let told = Arc::new(Told::default());
        let world = World::new((1..=2).map(host));
        // Nothing could be pulled.
        world.state().registry_up = false;
        let operator = Operator {
            sink: Arc::clone(&told) as Arc<dyn EventSink>,
            ..Operator::new(&world, &direct(environment(2)))
        };
        run(&operator, Command::Deploy("v1".to_owned())).await;
        told.since_asked();
        run(&operator, Command::Deploy("v2".to_owned())).await;
        insta::assert_snapshot!(told.since_asked(), @r"
        web1: 1 of 4 layers of shop/web:v2 (763276327632), 5900000 bytes
        web2: 1 of 4 layers of shop/web:v2 (763276327632), 5900000 bytes
        web1: stop
        web2: stop
        ");
        run(&operator, Command::Rollback).await;
        insta::assert_snapshot!(told.since_asked(), @r"
        web1: stop
        web2: stop
        ");
    });
}
