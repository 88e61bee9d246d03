//! Compose files of the kind that teams have: what is written is sound, and what is missing from it is listed.

use insta::assert_snapshot;

use crate::import_support::{Fixture, first_plan};
use crate::support::environment::service;

const HOST: [&str; 2] = ["--host", "web1=deploy@web1.internal"];

#[test]
fn a_node_application_with_a_database_and_a_proxy() {
    let fixture = Fixture::new("compose-node");
    let report = fixture.import(&["compose", "docker-compose.yml", HOST[0], HOST[1]]);
    assert_snapshot!(report, @r"
    wrote environments/base.yml
    wrote environments/prod.yml
    wrote templates/nginx/default.conf.j2

    not translated:
      version (docker-compose.yml:1): Compose itself ignores it
      services.nginx.container_name (docker-compose.yml:18): containers are named after project, environment, service and content — other services find it by the service's name; `aliases` of a network are further names
      services.nginx.volumes (docker-compose.yml:24): `./certbot/www` is a folder beside the file, which no host has — build it into the image, mount an absolute path of the hosts, or make it a volume
      services.nginx.volumes (docker-compose.yml:25): `z` is not an option of a volume here; the volume was kept — on a host with SELinux, label the path by hand
      services.nginx.links (docker-compose.yml:29): services on one network of a host find each other by name — remove it, and name the network of both where it is another one
      services.api.deploy.replicas (docker-compose.yml:61): so many ran on one machine; here every host runs one — write `deploy: { replicas: … }`, and ports as a range such as `8080-8089:80`
      services.api.deploy.resources.reservations.cpus (docker-compose.yml:64): an engine reserves no processors — use `limits`, or `cpu_shares`
      services.adminer (docker-compose.yml:101): a service with a profile is only started when it is asked for, and is left out — write it into an environment of its own, if it is to be deployed

    translated, but not the same as before:
      services.api.env_file (docker-compose.yml:10): the variables of `.env.production` are named under `environment`; their values were not copied — put the lines of `.env.production` into `.env` beside `environments/`, or into the environment; or write what is secret as `NAME: { secret: name }`
      services.worker.env_file (docker-compose.yml:10): the variables of `.env.production` are named under `environment`; their values were not copied — put the lines of `.env.production` into `.env` beside `environments/`, or into the environment; or write what is secret as `NAME: { secret: name }`
      services.nginx.health (docker-compose.yml:16): the service has no health check, so that a container passes as soon as it runs — write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`
      services.nginx.volumes (docker-compose.yml:23): `./nginx/default.conf` is now a template, templates/nginx/default.conf.j2, and a config of the service — the container gets a copy, which it cannot change for the host
      services.nginx.depends_on (docker-compose.yml:26): services are rolled out in the order of the file, each behind its gate: the order was kept — a start of a host keeps no order; let the service wait for what it needs
      services.api.depends_on (docker-compose.yml:49): services are rolled out in the order of the file, each behind its gate: the order was kept — a start of a host keeps no order; let the service wait for what it needs
      services.worker.health (docker-compose.yml:66): the service has no health check, so that a container passes as soon as it runs — write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`
      services.worker.depends_on (docker-compose.yml:72): services are rolled out in the order of the file, each behind its gate: the order was kept — a start of a host keeps no order; let the service wait for what it needs
      services.redis.health (docker-compose.yml:93): the service has no health check, so that a container passes as soon as it runs — write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`
      volumes.pgdata (docker-compose.yml:111): is storefront-prod_pgdata on a host, no longer storefront_pgdata — where the data of Compose is to be used, add `name: storefront_pgdata`
      volumes.redisdata (docker-compose.yml:112): is storefront-prod_redisdata on a host, no longer storefront_redisdata — where the data of Compose is to be used, add `name: storefront_redisdata`

    set in the environment or in .env before you deploy: NPM_TOKEN, POSTGRES_PASSWORD, SESSION_SECRET, SMTP_URL, STRIPE_KEY
    next: shipctl config validate prod
    ");
    assert_snapshot!(fixture.read("environments/base.yml"), @r#"
    # Made from docker-compose.yml by `shipctl import compose`. What all environments have in common.

    project: storefront

    services:
      postgres:
        image: docker.io/postgres:16-alpine
        environment:
          POSTGRES_USER: storefront
          POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?set it in .env}
        networks: { backend: { ipv4_address: 172.28.0.10 } }
        volumes: ["pgdata:/var/lib/postgresql/data"]
        healthcheck:
          test: [CMD-SHELL, pg_isready -U storefront]
          interval: 30s
          timeout: 10s
          retries: 5
        # As long as the health check may take before it calls a container unhealthy.
        health: { container: {}, healthy_deadline: 3m20s }
        restart: always
        shm_size: 256mb

      redis:
        image: docker.io/redis:7
        command: redis-server --appendonly yes
        networks: [backend]
        volumes: ["redisdata:/data"]
        # Passes once it runs. Better: { http: { port: 8080, path: /up } }, tcp, exec or container.
        health: none

      api:
        image: ghcr.io/acme/storefront:${TAG:-latest}
        build:
          context: .
          dockerfile: docker/api.Dockerfile
          args: { NODE_ENV: production, NPM_TOKEN: "${NPM_TOKEN}" }
          cache_from: ["ghcr.io/acme/storefront:cache"]
        command: [node, dist/server.js]
        environment:
          NODE_ENV: production
          PORT: 3000
          DATABASE_URL: postgres://storefront:${POSTGRES_PASSWORD}@postgres:5432/storefront
          SESSION_SECRET: ${SESSION_SECRET}
          SMTP_URL: ${SMTP_URL}
          STRIPE_KEY: ${STRIPE_KEY}
        networks: [backend]
        healthcheck:
          test: [CMD, wget, -qO-, "http://localhost:3000/healthz"]
          interval: 10s
          timeout: 3s
          retries: 3
          start_period: 20s
        health: container
        expose: ["3000"]
        restart: unless-stopped
        logging: { driver: json-file, options: { max-size: 20m, max-file: "5" } }
        deploy:
          resources: { limits: { cpus: "0.50", memory: 512M }, reservations: { memory: 128M } }

      nginx:
        image: docker.io/nginx:1.27-alpine
        ports: ["80:80", "443:443"]
        networks: [backend, default]
        volumes: ["letsencrypt:/etc/letsencrypt:ro"]
        configs:
          - { source: nginx_default_conf, target: /etc/nginx/conf.d/default.conf }
        # Passes once it runs. Better: { http: { port: 8080, path: /up } }, tcp, exec or container.
        health: none

      worker:
        image: ghcr.io/acme/storefront:${TAG:-latest}
        build:
          context: .
          dockerfile: docker/api.Dockerfile
          args: { NODE_ENV: production, NPM_TOKEN: "${NPM_TOKEN}" }
          cache_from: ["ghcr.io/acme/storefront:cache"]
        command: node dist/worker.js
        environment:
          NODE_ENV: production
          QUEUES: mail,images
          SMTP_URL: ${SMTP_URL}
          STRIPE_KEY: ${STRIPE_KEY}
        networks: [backend]
        # Passes once it runs. Better: { http: { port: 8080, path: /up } }, tcp, exec or container.
        health: none
        stop_grace_period: 1m
        restart: unless-stopped
        logging: { driver: json-file, options: { max-size: 20m, max-file: "5" } }

    configs:
      nginx_default_conf: { template: templates/nginx/default.conf.j2 }

    networks:
      backend: { driver: bridge, ipam: { config: [{ subnet: 172.28.0.0/16 }] } }

    volumes:
      pgdata:
      redisdata:
      letsencrypt: { external: true }
    "#);
    assert_snapshot!(fixture.read("environments/prod.yml"), @r"
    # Made from docker-compose.yml by `shipctl import compose`. What `prod` adds to
    # environments/base.yml.

    hosts:
      web1: { ssh: deploy@web1.internal }

    registry:
      host: ghcr.io
    ");
    let variables = "NPM_TOKEN=1\nPOSTGRES_PASSWORD=2\nSESSION_SECRET=3\nSMTP_URL=4\nSTRIPE_KEY=5\n";
    fixture.write(".env", variables);
    let environment = fixture.environment("prod");
    assert_snapshot!(first_plan(&environment), @r"
    postgres on web1
    redis on web1
    api on web1
    nginx on web1
    worker on web1
    ");
    assert_eq!(environment.services[&service("api")].runtime.environment["STRIPE_KEY"], "5");
    assert_eq!(environment.services[&service("api")].build, environment.services[&service("worker")].build);
    // The folder's own text is in the container, whatever a template would make of it.
    let (code, stdout, _) = fixture.shipctl(&["config", "render", "prod", "-o", "rendered"]);
    assert_eq!(code, 0, "{stdout}");
    let rendered = fixture.read("rendered/web1/nginx/etc/nginx/conf.d/default.conf");
    assert_eq!(rendered, fixture.read("nginx/default.conf"));
}

#[test]
fn no_value_of_a_variable_is_copied() {
    let fixture = Fixture::new("compose-node");
    let report = fixture.import(&["compose", "docker-compose.yml"]);
    for text in [report, fixture.read("environments/base.yml"), fixture.read("environments/prod.yml")] {
        assert!(!text.contains("sk_live") && !text.contains("mail.internal"), "{text}");
    }
}

#[test]
fn a_django_application_on_this_machine() {
    let fixture = Fixture::new("compose-django");
    let report = fixture.import(&["compose", "compose.yaml"]);
    assert_snapshot!(report, @r#"
    wrote environments/base.yml
    wrote environments/prod.yml
    wrote templates/gunicorn.j2

    not translated:
      services.web.volumes (compose.yaml:20): `.` is a folder beside the file, which no host has — build it into the image, mount an absolute path of the hosts, or make it a volume
      services.common (compose.yaml:43): a service with a profile is only started when it is asked for, and is left out — write it into an environment of its own, if it is to be deployed
      services.beat.build.secrets (compose.yaml:47): the secret `npm` is not declared — declare it under `secrets:` at the top of the manifest
      services.beat.network_mode (compose.yaml:49): only `host` and `none` are modes that do not tie containers together — use `networks`
      services.beat.scale (compose.yaml:50): so many ran on one machine; here every host runs one — write `deploy: { replicas: … }`, and ports as a range such as `8080-8089:80`
      services.db.env_file (compose.yaml:54): `./db.env` is not there, or cannot be read — write its variables as `environment: { NAME: "${NAME}" }`, or `NAME: { secret: name }`
      services.db.mem_limt (compose.yaml:57): unknown key `mem_limt` — did you mean `mem_limit`?

    translated, but not the same as before:
      services.web.depends_on (compose.yaml:32): services are rolled out in the order of the file, each behind its gate: the order was kept — a start of a host keeps no order; let the service wait for what it needs
      services.beat.health (compose.yaml:45): the service has no health check, so that a container passes as soon as it runs — write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`
      services.db.health (compose.yaml:52): the service has no health check, so that a container passes as soon as it runs — write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`
      configs.gunicorn (compose.yaml:66): is now the template templates/gunicorn.j2 — `shipctl config render` shows it for every host
      volumes.media (compose.yaml:72): is compose-django-prod_media on a host, no longer compose-django_media — where the data of Compose is to be used, add `name: compose-django_media`

    set in the environment or in .env before you deploy: DB_PORT
    next: shipctl config validate prod
    "#);
    assert_snapshot!(fixture.read("environments/base.yml"), @r#"
    # Made from compose.yaml by `shipctl import compose`. What all environments have in common.

    project: compose-django

    services:
      db:
        image: postgres:15
        ports: ["127.0.0.1:${DB_PORT}:5432"]
        volumes: ["db:/var/lib/postgresql/data"]
        # Passes once it runs. Better: { http: { port: 8080, path: /up } }, tcp, exec or container.
        health: none

      web:
        image: django-shop
        build: .
        command: gunicorn shop.wsgi --bind 0.0.0.0:8000
        environment:
          DJANGO_SETTINGS_MODULE: shop.settings
        ports:
          - { target: 8000, published: "8000", protocol: tcp, mode: host }
        volumes:
          - { type: volume, source: media, target: /app/media, volume: { nocopy: true } }
          - { type: bind, source: /srv/imports, target: /imports, bind: { create_host_path: true } }
        configs:
          - { source: gunicorn, target: /app/gunicorn.conf.py }
        secrets:
          - django_secret_key
          - { source: db_password, target: /run/secrets/db, mode: "0440" }
        healthcheck: { test: "curl -fsS http://localhost:8000/up || exit 1", start_interval: 1s }
        # As long as the health check may take before it calls a container unhealthy.
        health: { container: {}, healthy_deadline: 3m }
        init: true
        tmpfs: /tmp
        pull_policy: always
        user: ${UID:-1000}:${GID:-1000}
        platform: linux/amd64

      beat:
        image: django-shop
        build: { context: ., dockerfile: Dockerfile }
        command: celery -A shop beat
        environment:
          DJANGO_SETTINGS_MODULE: shop.settings
        # Passes once it runs. Better: { http: { port: 8080, path: /up } }, tcp, exec or container.
        health: none
        init: true
        tmpfs: /tmp
        pull_policy: always

    configs:
      gunicorn: { template: templates/gunicorn.j2 }

    volumes:
      media:
      db: { name: shop_db }
    "#);
    fixture.write(".env", "DB_PORT=5432\n");
    assert_snapshot!(first_plan(&fixture.environment("prod")), @r"
    db on local
    web on local
    beat on local
    ");
}

#[test]
fn a_stack_of_swarm_on_two_hosts() {
    let fixture = Fixture::new("compose-swarm");
    let hosts = ["--host", "a=root@10.0.0.1", "--host", "b=ssh://root@10.0.0.2:2222"];
    let report = fixture.import(&[&["compose", "stack.yml", "--environment", "staging"][..], &hosts].concat());
    assert_snapshot!(report, @r#"
    wrote environments/base.yml
    wrote environments/staging.yml

    not translated:
      version (stack.yml:1): Compose itself ignores it
      services.frontend.deploy.replicas (stack.yml:13): so many ran on one machine; here every host runs one — write `deploy: { replicas: … }`, and ports as a range such as `8080-8089:80`
      services.frontend.deploy.placement.constraints (stack.yml:15): constraints are about hosts of the manifest, not about nodes of Swarm: the service runs on every host now — label the hosts, and write `host.labels.<label> == <value>`, or `host.name == <name>`
      services.frontend.deploy.placement.preferences (stack.yml:16): it is about nodes of Swarm — label the hosts, and spread over `host.labels.…`
      services.frontend.deploy.update_config.order (stack.yml:20): `start-first`: both containers would want port 443 of the host (stack.yml:5) — use `stop-first`, or publish the container's port alone
      services.frontend.deploy.restart_policy.window (stack.yml:24): the engine waits longer from attempt to attempt by itself
      services.frontend.deploy.labels (stack.yml:25): a service is nothing but its containers — use `labels` of the service
      networks.public.driver (stack.yml:37): overlay networks are Swarm's: each host has a network of its own
      networks.public.attachable (stack.yml:37): it is for Swarm
      networks.internal.driver (stack.yml:38): overlay networks are Swarm's: each host has a network of its own
      configs.nginx_conf (stack.yml:40): its content is not in a file — write it as templates/nginx_conf.j2, and name it again in the services that have it

    translated, but not the same as before:
      services.frontend.health (stack.yml:3): the service has no health check, so that a container passes as soon as it runs — write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`
      services.agent.health (stack.yml:26): the service has no health check, so that a container passes as soon as it runs — write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`
      services.agent.volumes (stack.yml:32): the service runs on each of the 2 hosts, each with data of its own — place it with `deploy: { placement: { constraints: ["host.name == …"] } }`
      secrets.tls_key (stack.yml:42): its value was kept by Swarm, and is now that of the variable TLS_KEY — set it where you deploy, or write `file` or `command`

    set in the environment or in .env before you deploy: DATA_DIR
    next: shipctl config validate staging
    "#);
    fixture.write(".env", "DATA_DIR=/srv/agent\n");
    assert_snapshot!(first_plan(&fixture.environment("staging")), @r"
    frontend on a
    frontend on b
    agent on a
    agent on b
    ");
}

#[test]
fn a_program_reads_what_was_not_translated() {
    let file = "services:\n  web:\n    image: shop/web:1\n    links: [db]\n    healthcheck: { test: [CMD, 'true'] }\n";
    let fixture = Fixture::of(&[("compose.yml", file)]);
    let report = fixture.import(&["compose", "compose.yml", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&report).expect("one object");
    assert_eq!(value["exit"], 0);
    let import = &value["import"];
    assert_eq!(import["environment"], "prod");
    assert_eq!(import["files"], serde_json::json!(["environments/base.yml", "environments/prod.yml"]));
    let left = &import["untranslated"][0];
    assert_eq!(
        (&left["key"], &left["file"], &left["line"]),
        (&"services.web.links".into(), &"compose.yml".into(), &4.into())
    );
    assert!(left["reason"].as_str().is_some_and(|reason| reason.contains("find each other by name")), "{left}");
}

#[test]
fn nothing_is_overwritten_and_then_nothing_is_written() {
    let file = "services: { web: { image: shop/web } }\n";
    let fixture = Fixture::of(&[("compose.yml", file), ("environments/prod.yml", "# mine\n")]);
    let (code, stdout, stderr) = fixture.shipctl(&["import", "compose", "compose.yml"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("environments/prod.yml is there already; nothing was written"), "{stderr}");
    assert_eq!(fixture.read("environments/prod.yml"), "# mine\n");
    assert!(!fixture.root().join("environments/base.yml").exists());
    fixture.import(&["compose", "compose.yml", "-o", "elsewhere"]);
    assert!(fixture.root().join("elsewhere/environments/base.yml").exists());
}

#[test]
fn what_cannot_be_read_is_bad_input_with_its_line() {
    for (file, words) in [
        ("services:\n  web: {\n", "compose.yml:"),
        ("- a\n", "expected a map of keys, found a list"),
        ("", "compose.yml is empty"),
        ("volumes: { data: }\n", "`services` is missing"),
        ("services: { web: { command: x } }\n", "`services` is empty"),
    ] {
        let fixture = Fixture::of(&[("compose.yml", file)]);
        let (code, stdout, stderr) = fixture.shipctl(&["import", "compose", "compose.yml"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{file}");
        assert!(stderr.contains(words), "{file}: {stderr}");
        assert!(!fixture.root().join("environments").exists());
    }
    let fixture = Fixture::of(&[]);
    for (arguments, words) in [
        (&["import", "compose", "missing.yml"][..], "cannot read missing.yml"),
        (&["import", "compose", "x.yml", "--host", "web1=tcp://10.0.0.1:2376"], "certificates"),
        (&["import", "compose", "x.yml", "--host", "web1"], "NAME=ADDRESS"),
    ] {
        let (code, _, stderr) = fixture.shipctl(arguments);
        assert_eq!(code, 2);
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn a_variable_may_stand_for_anything() {
    let file = "\
services:
  web:
    image: shop/web:${TAG}
    ports: [\"${PORT}:80\"]
    volumes: [\"${DATA}:/data\"]
    read_only: ${READ_ONLY}
    stop_grace_period: ${GRACE}
    tmpfs: ${TMP}
  worker:
    image: shop/worker:${TAG}
    tmpfs: ${TMP}
    healthcheck: { test: [CMD, 'true'], interval: \"${EVERY:-10s}\" }
";
    let fixture = Fixture::of(&[("compose.yml", file)]);
    let report = fixture.import(&["compose", "compose.yml"]);
    assert!(report.contains("Everything was translated."), "{report}");
    assert!(report.contains("deploy: DATA, GRACE, PORT, READ_ONLY, TAG, TMP\n"), "{report}");
    fixture.write(".env", "TAG=1\nPORT=80\nDATA=/srv\nREAD_ONLY=false\nGRACE=5s\nTMP=/tmp\n");
    assert_eq!(fixture.environment("prod").services.len(), 2);
}
