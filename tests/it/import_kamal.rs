//! Kamal's configuration of the kind that teams have: roles, accessories, destinations, and ERB.

use insta::assert_snapshot;
use shipctl::environment::SecretSource;

use crate::import_support::{Fixture, first_plan};
use crate::support::environment::service;

#[test]
fn a_rails_application_with_jobs_and_accessories() {
    let fixture = Fixture::new("kamal-rails");
    let report = fixture.import(&["kamal", "config/deploy.yml"]);
    assert_snapshot!(report, @r#"
    wrote environments/base.yml
    wrote environments/prod.yml
    wrote templates/db/init.sql.j2

    not translated:
      hooks.pre-deploy (.kamal/hooks/pre-deploy:1): hooks are told other facts, in other variables — put it under `hooks` once it reads those
      servers.job.options.network-alias (config/deploy.yml:19): networks are those of the manifest — use `networks`
      proxy.ssl (config/deploy.yml:22): traffic is not taken over: kamal-proxy ended TLS and chose the container — keep kamal-proxy as a balancer (`kamal_proxy`, with this under `deploy`), or put another one before the hosts
      proxy.host (config/deploy.yml:23): traffic is not taken over: kamal-proxy ended TLS and chose the container — keep kamal-proxy as a balancer (`kamal_proxy`, with this under `deploy`), or put another one before the hosts
      proxy.response_timeout (config/deploy.yml:25): traffic is not taken over — set it in your balancer
      asset_path (config/deploy.yml:50): assets of two releases are not put together — serve them from a bucket or a CDN, or keep those of the last release in the image
      builder.arch (config/deploy.yml:53): the builder's own platform is built — name an engine of that platform as `builder`
      builder.cache (config/deploy.yml:56): the builder is an engine, with its own cache — see `builder` in the manifest
      ssh.keys_only (config/deploy.yml:61): connections are made by your own `ssh` — write it into ~/.ssh/config, which is honoured
      aliases (config/deploy.yml:71): there are no aliases — use those of your shell, or a Makefile
      accessories.db.files (config/deploy.yml:87): ERB is not evaluated — write templates/db/pg_hba.conf.erb.j2, and name it under `configs`

    translated, but not the same as before:
      builder (config/deploy.yml:53): Kamal builds a clone of the last commit; here the folder is built as it is — deploy from a clean checkout
      accessories.db (config/deploy.yml:76): is a service: a deploy replaces it when something of it has changed, and leaves it alone otherwise — stop Kamal's own container before the first deploy
      accessories.db.directories (config/deploy.yml:89): is /home/deploy/basecamp-db/data, where Kamal has put it if `deploy` lives in /home/deploy — look on the host, and correct the path if it is another one
      accessories.redis (config/deploy.yml:90): is a service: a deploy replaces it when something of it has changed, and leaves it alone otherwise — stop Kamal's own container before the first deploy
      accessories.redis.directories (config/deploy.yml:95): is /home/deploy/basecamp-redis/data, where Kamal has put it if `deploy` lives in /home/deploy — look on the host, and correct the path if it is another one

    next: shipctl config validate prod
    "#);
    assert_snapshot!(fixture.read("environments/base.yml"), @r#"
    # Made from config/deploy.yml by `shipctl import kamal`. What all environments have in common.

    project: basecamp

    keep_releases: 4

    services:
      web:
        image: acme/basecamp
        build: { context: ., args: { RUBY_VERSION: 3.3.6 } }
        environment:
          RAILS_LOG_LEVEL: info
          DB_HOST: 192.168.0.4
          REDIS_URL: redis://basecamp-redis:6379/0
          PRICE: $$5
          RAILS_MASTER_KEY: { secret: rails_master_key }
          DATABASE_URL: { secret: primary_database_url }
        # kamal-proxy reached this port inside the host; your balancer reaches it here.
        ports: ["3000:3000"]
        volumes: ["basecamp_storage:/rails/storage"]
        health: { http: { port: 3000, path: /up }, interval: 3s, timeout: 2s, healthy_deadline: 60s }
        stop_grace_period: 20s
        deploy:
          placement: { constraints: [host.labels.role == web] }
          update_config: { parallelism: 25%, delay: 10s }

      job:
        image: acme/basecamp
        build: { context: ., args: { RUBY_VERSION: 3.3.6 } }
        command: bundle exec sidekiq -q default -q mailers
        environment:
          RAILS_LOG_LEVEL: info
          DB_HOST: 192.168.0.4
          REDIS_URL: redis://basecamp-redis:6379/0
          PRICE: $$5
          RAILS_MASTER_KEY: { secret: rails_master_key }
          DATABASE_URL: { secret: primary_database_url }
        volumes: ["basecamp_storage:/rails/storage"]
        # As Kamal does: it runs for this long. `health: container` asks the image's own HEALTHCHECK.
        health: { none: {}, min_healthy_time: 7s, healthy_deadline: 60s }
        stop_grace_period: 60s
        mem_limit: 2g
        cpus: 2
        extra_hosts: ["legacy.internal:10.0.0.9"]
        deploy:
          placement: { constraints: [host.labels.role == job] }
          update_config: { parallelism: 25%, delay: 10s }

      db:
        image: docker.io/postgres:16
        environment:
          POSTGRES_USER: basecamp
          POSTGRES_PASSWORD_FILE: /run/secrets/POSTGRES_PASSWORD
        ports: ["5432:5432"]
        # The name by which roles on the same host found it under Kamal.
        networks: { default: { aliases: [basecamp-db] } }
        volumes: ["/home/deploy/basecamp-db/data:/var/lib/postgresql/data"]
        configs:
          - { source: db_init_sql, target: /docker-entrypoint-initdb.d/setup.sql }
        secrets:
          - { source: postgres_password, target: POSTGRES_PASSWORD, mode: "0444" }
        health: none
        deploy: { placement: { constraints: [host.name == db1] } }

      redis:
        image: docker.io/redis:7.4
        command: redis-server --appendonly yes
        # The name by which roles on the same host found it under Kamal.
        networks: { default: { aliases: [basecamp-redis] } }
        volumes: ["/home/deploy/basecamp-redis/data:/data"]
        health: none
        deploy: { placement: { constraints: [host.name == job1] } }

    configs:
      db_init_sql: { template: templates/db/init.sql.j2 }

    volumes:
      basecamp_storage: { name: basecamp_storage }
    "#);
    assert_snapshot!(fixture.read("environments/prod.yml"), @r#"
    # Made from config/deploy.yml by `shipctl import kamal`. What `prod` adds to environments/base.yml.

    hosts:
      web1: { ssh: "deploy@192.168.0.1:2222", labels: { role: web } }
      web2: { ssh: "deploy@192.168.0.2:2222", labels: { role: web } }
      job1: { ssh: "deploy@192.168.0.3:2222", labels: { role: job } }
      db1: { ssh: "deploy@192.168.0.4:2222" }

    registry:
      host: ghcr.io
      username: acme-bot
      password: { secret: kamal_registry_password }

    # Kamal read these from .kamal/secrets. A value may also come from a `file`, or from what a command
    # prints: `{ command: [op, read, "op://shop/prod/key"] }`.
    secrets:
      kamal_registry_password: { environment: KAMAL_REGISTRY_PASSWORD }
      rails_master_key: { environment: RAILS_MASTER_KEY }
      primary_database_url: { environment: PRIMARY_DATABASE_URL }
      postgres_password: { environment: POSTGRES_PASSWORD }
    "#);
    let environment = fixture.environment("prod");
    assert_snapshot!(first_plan(&environment), @r"
    web on web1
    web on web2
    job on job1
    db on db1
    redis on job1
    ");
    // A dollar is a dollar, as it was for Kamal.
    assert_eq!(environment.services[&service("web")].runtime.environment["PRICE"], "$5");
    let name = "primary_database_url".parse().expect("a name");
    assert_eq!(environment.secrets[&name], SecretSource::Variable("PRIMARY_DATABASE_URL".to_owned()));
}

#[test]
fn a_destination_lies_over_the_file() {
    let fixture = Fixture::new("kamal-rails");
    let report = fixture.import(&["kamal", "config/deploy.yml", "staging"]);
    assert!(report.contains("proxy.host (config/deploy.staging.yml:8)"), "{report}");
    let environment = fixture.environment("staging");
    assert_eq!(environment.hosts.len(), 1);
    assert_eq!(environment.services[&service("web")].runtime.environment["RAILS_LOG_LEVEL"], "debug");
    assert_eq!(environment.services[&service("web")].runtime.environment["DB_HOST"], "192.168.0.4");
    assert_snapshot!(fixture.read("environments/staging.yml"), @r#"
    # Made from config/deploy.yml and config/deploy.staging.yml by `shipctl import kamal`. What
    # `staging` adds to environments/base.yml.

    hosts:
      staging:
        ssh: deploy@staging.example.com:2222
        labels:
          role-web: "true"
          role-job: "true"

    registry:
      host: ghcr.io
      username: acme-bot
      password: { secret: kamal_registry_password }

    # Kamal read these from .kamal/secrets. A value may also come from a `file`, or from what a command
    # prints: `{ command: [op, read, "op://shop/prod/key"] }`.
    secrets:
      kamal_registry_password: { environment: KAMAL_REGISTRY_PASSWORD }
      rails_master_key: { environment: RAILS_MASTER_KEY }
      primary_database_url: { environment: PRIMARY_DATABASE_URL }
      postgres_password: { environment: POSTGRES_PASSWORD }
    "#);
    assert_snapshot!(first_plan(&environment), @r"
    web on staging
    job on staging
    redis on staging
    db on staging
    ");
}

#[test]
fn tags_labels_a_builder_and_an_accessory_everywhere() {
    let fixture = Fixture::new("kamal-roles");
    let report = fixture.import(&["kamal", "config/deploy.yml"]);
    assert_snapshot!(report, @r"
    wrote environments/base.yml
    wrote environments/prod.yml

    not translated:
      env.tags (config/deploy.yml:15): all hosts of a service have the same environment — render a file from a template, which sees `host.labels`; the tags are labels of the hosts
      proxy.hosts (config/deploy.yml:20): traffic is not taken over: kamal-proxy ended TLS and chose the container — keep kamal-proxy as a balancer (`kamal_proxy`, with this under `deploy`), or put another one before the hosts
      accessories.metrics.volumes (config/deploy.yml:38): is beneath the folder of whoever logs in on the host — write the absolute path

    translated, but not the same as before:
      accessories.metrics (config/deploy.yml:32): is a service: a deploy replaces it when something of it has changed, and leaves it alone otherwise — stop Kamal's own container before the first deploy

    set in the environment or in .env before you deploy: DO_TOKEN
    next: shipctl config validate prod
    ");
    fixture.write(".env", "DO_TOKEN=x\n");
    let environment = fixture.environment("prod");
    assert_snapshot!(fixture.read("environments/prod.yml"), @r#"
    # Made from config/deploy.yml by `shipctl import kamal`. What `prod` adds to environments/base.yml.

    hosts:
      app-01:
        ssh: root@app-01.fra.example.com
        labels:
          role: web
          accessory-metrics: "true"
          tag-eu: "true"
      app-02:
        ssh: root@app-02.iad.example.com
        labels:
          role: web
          accessory-metrics: "true"
          tag-us: "true"

    registry:
      host: registry.digitalocean.com
      username: ${DO_TOKEN}
      password: { secret: do_token }

    builder:
      ssh: docker@builder.example.com

    # Kamal read these from .kamal/secrets. A value may also come from a `file`, or from what a command
    # prints: `{ command: [op, read, "op://shop/prod/key"] }`.
    secrets:
      do_token: { environment: DO_TOKEN }
    "#);
    assert_snapshot!(first_plan(&environment), @r"
    web on app-01
    web on app-02
    metrics on app-01
    metrics on app-02
    ");
    assert_eq!(environment.services[&service("web")].image, "hotwire/demo");
}

#[test]
fn erb_is_not_evaluated() {
    let fixture = Fixture::new("kamal-erb");
    let report = fixture.import(&["kamal", "config/deploy.yml", "--environment", "live"]);
    assert_snapshot!(report, @r"
    wrote environments/base.yml
    wrote environments/live.yml

    not translated:
      <% … %> (config/deploy.yml:1): ERB is not evaluated — write the value itself, or `${VARIABLE}`
      servers.cron (config/deploy.yml:11): the role has no hosts — write it as a service, with a constraint
      servers.cron.hosts (config/deploy.yml:12): ERB is not evaluated — write the value itself, or `${VARIABLE}`
      sshkit.max_concurrent_starts (config/deploy.yml:25): there is one connection per host and run
      retan_containers (config/deploy.yml:26): not a key that is known of Kamal

    translated, but not the same as before:
      builder (config/deploy.yml:2): Kamal builds a clone of the last commit; here the folder is built as it is — deploy from a clean checkout
      registry.password (config/deploy.yml:22): a password is not copied into the project — set the variable KAMAL_REGISTRY_PASSWORD where you deploy

    set in the environment or in .env before you deploy: IMAGE_NAME, WEB_HOST
    next: shipctl config validate live
    ");
    fixture.write(".env", "IMAGE_NAME=acme/api\nWEB_HOST=web.internal\n");
    let environment = fixture.environment("live");
    assert_snapshot!(first_plan(&environment), @r"
    web on web1
    web on web2
    worker on worker1
    ");
    // No password of the file is in the project.
    assert!(!fixture.read("environments/live.yml").contains("hunter2"));
    assert!(!report.contains("hunter2"));
}

#[test]
fn what_cannot_be_translated_at_all_is_bad_input() {
    for (file, words) in [
        ("service: <%= name %>\nimage: a/b\nservers: [10.0.0.1]\n", "`service` is missing"),
        ("service: shop\nimage: a/b\n", "`services`"),
        ("service: [\n", "config/deploy.yml:"),
    ] {
        let fixture = Fixture::of(&[("config/deploy.yml", file)]);
        let (code, stdout, stderr) = fixture.shipctl(&["import", "kamal", "config/deploy.yml"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{file}");
        assert!(stderr.contains(words), "{file}: {stderr}");
    }
    let fixture = Fixture::new("kamal-erb");
    let (code, _, stderr) = fixture.shipctl(&["import", "kamal", "config/deploy.yml", "production"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot read config/deploy.production.yml"), "{stderr}");
}

#[test]
fn what_is_wrong_with_one_service_does_not_reach_another() {
    let file = "\
service: shop
image: acme/shop
servers:
  web: [10.0.0.1]
  api:
    hosts: [10.0.0.1]
    proxy: true
  admin:
    hosts: [10.0.0.1]
    proxy: { app_port: 99999 }
registry: { server: ghcr.io }
";
    let fixture = Fixture::of(&[("config/deploy.yml", file)]);
    let report = fixture.import(&["kamal", "config/deploy.yml"]);
    assert!(report.contains("services.api.ports (config/deploy.yml:5): port 80 of host `web1` is taken"), "{report}");
    assert!(report.contains("services.admin.health.http.port (config/deploy.yml:10)"), "{report}");
    let environment = fixture.environment("prod");
    let ports = |name| environment.services[&service(name)].runtime.ports.len();
    assert_eq!([ports("web"), ports("api"), ports("admin")], [1, 0, 0]);
    // A service is never placed more widely than it was.
    assert!(environment.services.values().all(|service| service.constraints.len() == 1));
    assert_eq!(fixture.environment("prod").services.len(), 3);
}
