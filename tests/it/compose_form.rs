//! A resolved service in the words of the Compose Specification, as `docker compose config` prints them. What nobody wrote is
//! left out.

use serde_json::{Map, Value, json};
use shipctl::environment::{
    BatchSize, ConfigSource, FailureAction, FileTarget, Mount, MountSource, Network, Order, RestartPolicy, Service,
    UpdatePolicy,
};

/// What the containers of a service are.
pub(crate) fn effective(service: &Service) -> Map<String, Value> {
    let mut form = Form(Map::new());
    let runtime = &service.runtime;
    form.set("image", json!(service.image));
    form.option("platform", service.platform.as_ref());
    if let Some(build) = &service.build {
        let mut keys = Form(Map::new());
        keys.set("context", json!(build.context));
        keys.set("dockerfile", json!(build.dockerfile));
        keys.some("args", json!(build.args));
        keys.option("target", build.target.as_ref());
        form.set("build", Value::Object(keys.0));
    }
    form.option("command", runtime.command.as_ref());
    form.option("entrypoint", runtime.entrypoint.as_ref());
    form.some("environment", json!(runtime.environment));
    form.some("labels", json!(runtime.labels));
    form.some("annotations", json!(runtime.annotations));
    form.option("user", runtime.user.as_ref());
    form.option("working_dir", runtime.working_dir.as_ref());
    form.option("stop_signal", runtime.stop_signal.as_ref());
    form.some("init", json!(runtime.init));
    form.some("tty", json!(runtime.tty));
    form.some("stdin_open", json!(runtime.stdin_open));
    form.some("expose", json!(runtime.expose));
    if runtime.stop_grace_period.as_secs() != 10 {
        form.set("stop_grace_period", json!(duration(runtime.stop_grace_period.as_millis())));
    }
    match &runtime.restart {
        RestartPolicy::No => form.set("restart", json!("no")),
        RestartPolicy::Always => form.set("restart", json!("always")),
        RestartPolicy::UnlessStopped => form.set("restart", json!("unless-stopped")),
        // Where nobody wrote anything.
        RestartPolicy::OnFailure(5) => {}
        RestartPolicy::OnFailure(0) => form.set("restart", json!("on-failure")),
        RestartPolicy::OnFailure(times) => form.set("restart", json!(format!("on-failure:{times}"))),
    }
    let logging = json!({"driver": runtime.logging.driver, "options": runtime.logging.options});
    if logging != json!({"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}) {
        form.set("logging", logging);
    }
    if let Some(check) = &runtime.healthcheck {
        let mut keys = Form(Map::from_iter([("test".to_owned(), json!(check.test))]));
        for (key, value) in [
            ("interval", check.interval_ms),
            ("timeout", check.timeout_ms),
            ("start_period", check.start_period_ms),
            ("start_interval", check.start_interval_ms),
        ] {
            keys.option(key, value.map(|ms| duration(u128::from(ms))).as_ref());
        }
        keys.option("retries", check.retries.as_ref());
        form.set("healthcheck", Value::Object(keys.0));
    }
    let ports = runtime.ports.iter().map(|port| {
        let mut keys = Form(Map::new());
        keys.set("target", json!(port.container_port));
        keys.set("protocol", json!(port.protocol.as_str()));
        keys.option("host_ip", port.host_ip.as_ref());
        keys.option("published", port.host_port.map(|port| port.to_string()).as_ref());
        Value::Object(keys.0)
    });
    form.some("ports", ports.collect());
    form.some("volumes", runtime.volumes.iter().map(mount).collect());
    let configs = service.configs.iter().map(|config| {
        assert!(!matches!(config.content, ConfigSource::Template { .. }), "Compose has no templates");
        file(&config.source, &config.file)
    });
    form.some("configs", configs.collect());
    form.some("secrets", service.secrets.iter().map(|secret| file(secret.source.as_str(), &secret.file)).collect());
    match runtime.networks.as_slice() {
        [Network { name, .. }] if matches!(name.as_str(), "host" | "none") => form.set("network_mode", json!(name)),
        networks => {
            let networks = networks.iter().map(|network| {
                let mut keys = Form(object(json!(network.attachment)));
                keys.some("aliases", json!(network.aliases));
                (network.name.clone(), Value::Object(keys.0))
            });
            form.set("networks", Value::Object(networks.collect()));
        }
    }
    form.confinement(service);
    form.update(&service.update);
    let constraints = service.constraints.iter().map(|constraint| {
        json!(format!("host.name {} {}", if constraint.equal { "==" } else { "!=" }, constraint.value))
    });
    form.some("constraints", constraints.collect());
    form.0
}

struct Form(Map<String, Value>);

impl Form {
    fn set(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    fn option<T: serde::Serialize>(&mut self, key: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.set(key, json!(value));
        }
    }

    /// Unless it is empty or false.
    fn some(&mut self, key: &str, value: Value) {
        if value != json!([]) && value != json!({}) && value != json!(false) {
            self.set(key, value);
        }
    }

    /// What has the same name here and there, and what has not.
    fn confinement(&mut self, service: &Service) {
        let runtime = &service.runtime;
        self.0.extend(object(json!(runtime.privileges)));
        self.0.extend(object(json!(runtime.limits)));
        self.0.extend(object(json!(runtime.naming)));
        for (ours, theirs) in [
            ("memory", "mem_limit"),
            ("memory_reservation", "mem_reservation"),
            ("memory_and_swap", "memswap_limit"),
            ("swappiness", "mem_swappiness"),
            ("pids", "pids_limit"),
            ("blkio", "blkio_config"),
            ("device_requests", "gpus"),
        ] {
            if let Some(value) = self.0.remove(ours) {
                self.set(theirs, value);
            }
        }
        if let Some(nanos) = runtime.limits.nano_cpus {
            self.0.remove("nano_cpus");
            #[expect(clippy::cast_precision_loss, reason = "a few CPUs")]
            self.set("cpus", json!(nanos as f64 / 1e9));
        }
        if let Some(tmpfs) = self.0.remove("tmpfs") {
            let entries = object(tmpfs).into_iter().map(|(path, options)| match options.as_str() {
                Some("") | None => json!(path),
                Some(options) => json!(format!("{path}:{options}")),
            });
            let mut entries: Vec<Value> = entries.collect();
            entries.sort_by_key(Value::to_string);
            self.set("tmpfs", Value::Array(entries));
        }
        if let Some(hosts) = self.0.get("extra_hosts").and_then(Value::as_array) {
            let mut hosts: Vec<String> =
                hosts.iter().filter_map(Value::as_str).map(|text| text.replacen(':', "=", 1)).collect();
            hosts.sort();
            self.set("extra_hosts", json!(hosts));
        }
        for request in self.0.get_mut("gpus").and_then(Value::as_array_mut).into_iter().flatten() {
            let mut keys = object(request.take());
            keys.remove("ids").map(|ids| keys.insert("device_ids".to_owned(), ids));
            keys.retain(|_, value| *value != json!([]) && *value != json!({}) && *value != json!(""));
            *request = Value::Object(keys);
        }
        if let Some(Value::Object(blkio)) = self.0.get_mut("blkio_config") {
            for (key, devices) in blkio.iter_mut().filter(|(_, devices)| devices.is_object()) {
                let of = |value: &Value| {
                    if key == "weight_device" { ("Weight", value.clone()) } else { ("Rate", json!(value.to_string())) }
                };
                let devices_of = object(devices.take());
                *devices =
                    devices_of.iter().map(|(path, value)| json!({"Path": path, of(value).0: of(value).1})).collect();
            }
        }
    }

    fn update(&mut self, update: &UpdatePolicy) {
        let mut keys = Form(Map::new());
        match update.parallelism {
            BatchSize::Count(1) => {}
            BatchSize::Count(count) => keys.set("parallelism", json!(count)),
            BatchSize::All => keys.set("parallelism", json!(0)),
            BatchSize::Percent(percent) => keys.set("parallelism", json!(format!("{percent}%"))),
        }
        if !update.delay.is_zero() {
            keys.set("delay", json!(duration(update.delay.as_millis())));
        }
        if update.monitor.as_secs() != 5 {
            keys.set("monitor", json!(duration(update.monitor.as_millis())));
            // Ours where nobody wrote them; the one case that has a monitor names them.
            keys.set("failure_action", json!("rollback"));
            keys.set("order", json!(if update.order == Order::StopFirst { "stop-first" } else { "start-first" }));
        }
        if update.failure_action == FailureAction::Pause {
            keys.set("failure_action", json!("pause"));
        }
        if update.failure_action == FailureAction::Continue {
            keys.set("failure_action", json!("continue"));
        }
        self.some("update_config", Value::Object(keys.0));
    }
}

fn mount(mount: &Mount) -> Value {
    let mut keys = Form(Map::new());
    keys.set("target", json!(mount.target));
    keys.some("read_only", json!(mount.read_only));
    let (kind, source) = match &mount.source {
        MountSource::Bind(path) => ("bind", Some(path.clone())),
        MountSource::Volume(name) => ("volume", Some(name.strip_prefix("shop-test_").unwrap_or("data").to_owned())),
        MountSource::Anonymous => ("volume", None),
        MountSource::Tmpfs { size, mode } => {
            keys.set("tmpfs", json!({"size": size.map(|size| size.to_string()), "mode": mode}));
            ("tmpfs", None)
        }
    };
    keys.set("type", json!(kind));
    keys.option("source", source.as_ref());
    keys.some(kind, json!(mount.options));
    Value::Object(keys.0)
}

fn file(source: &str, file: &FileTarget) -> Value {
    json!({
        "source": source,
        "target": file.path,
        "uid": file.uid.to_string(),
        "gid": file.gid.to_string(),
        "mode": file.mode,
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("an object: {other}"),
    }
}

/// As Compose writes it: `1m30s`, `500ms`.
fn duration(ms: u128) -> String {
    let (minutes, seconds, rest) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    let part = |number: u128, unit: &str| if number == 0 { String::new() } else { format!("{number}{unit}") };
    match part(minutes, "m") + &part(seconds, "s") + &part(rest, "ms") {
        text if text.ends_with('m') => text + "0s",
        text => text,
    }
}
