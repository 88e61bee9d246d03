//! What stands at the end of help texts: examples, and the exit codes.

pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  failed, and no host was changed
  2  bad input: arguments, manifest, template; nothing was contacted
  3  rolled back: every touched host runs what it ran before, healthy
  4  mixed or unknown: the table says which host runs what
  5  another rollout holds the lock
  6  interrupted: the host in hand was finished or undone
  7  `plan --check`, `status --check`: there are differences
That of `exec`, `run` and `host exec` is the program's own.";

pub(super) const DEPLOY: &str = "\
Examples:
  shipctl deploy prod                          show the plan, ask, roll out
  shipctl deploy prod --yes                    in CI: without a question
  shipctl deploy prod --plan reviewed.json     exactly a reviewed plan, or nothing if it is stale
  shipctl deploy prod --require-zero-downtime  only if it is proven that no request is lost
  shipctl deploy prod --service web --set services.web.image=shop/web:1.4
  shipctl deploy prod --host web1 --image web=shop/web@sha256:3fa9… --reason 'a leak'";

pub(super) const PLAN: &str = "\
Images are built and pushed, and configuration is baked into images, where the manifest says so: a plan names images by
digest. Hosts, registries, balancers and stores are asked; no host and no store is changed.

Examples:
  shipctl plan prod
  shipctl plan prod -o reviewed.json           for review, and for `deploy --plan`
  shipctl plan prod --check                    exit code 7 when there is something to do
  shipctl plan prod --require-zero-downtime    exit code 1 when it is not proven that no request is lost";

pub(super) const PROMOTE: &str = "\
A deploy with `canary: { hosts: 1, promote: manual }` ends when so many hosts run the release and were watched. This brings
it to the others, or refuses if the manifest gives another release by now. `rollback` takes the canary back.

Examples:
  shipctl promote prod
  shipctl promote prod --yes                   in CI, as a step of its own";

pub(super) const ROLLBACK: &str = "\
Without --to: the release in force where the fleet does not run it, otherwise the last good one before it.

Examples:
  shipctl rollback prod
  shipctl rollback prod --to r12               as `history` names it
  shipctl rollback prod --host web2 --yes";

pub(super) const PULL: &str = "\
The images are those of the manifest, fixed by digest (and built and pushed where it says so), and those of the containers
that hosts keep for `rollback`. A later deploy finds them there.

Examples:
  shipctl pull prod
  shipctl pull prod --host web1 --set services.web.image=shop/web:1.4";

pub(super) const START: &str = "\
Examples:
  shipctl start prod --host web1               what `stop` has stopped, or what has ended by itself
  shipctl start prod --service worker --reason 'the queue is back'";

pub(super) const STOP: &str = "\
As many hosts of each service as `max_unavailable` says go on serving, or nothing is stopped. A stopped container is kept, and
no reboot brings it back. `status` says who stopped it and why; `deploy` and `rollback` bring it back too.

Examples:
  shipctl stop prod --host web1 --reason 'new memory'
  shipctl stop prod --service worker --force   all of them; that it was forced is recorded";

pub(super) const RESTART: &str = "\
As many hosts at a time as a rollout takes. A container that does not come back healthy ends it there: it gets no requests,
and no further host is touched.

Examples:
  shipctl restart prod --service web
  shipctl restart prod --host web1,web2 --parallel 1 --reason 'new certificate'";

pub(super) const REMOVE: &str = "\
What hosts keep for `rollback` is removed too; the plan names the releases that cannot be gone back to then. What runs and is
of the release in force is removed only with --force.

Examples:
  shipctl rm prod --host web3                  what is stopped there, or of no release
  shipctl rm prod --host web3 --force          all of it, drained and stopped first";

pub(super) const PRUNE: &str = "\
What goes is told by reference: an image goes if no container of the host was made from it, no release in force, waiting or
kept for `rollback` has it, and nobody has given it a name. Only images from the repositories of the manifest's services are
looked at. Deploys do the same at their end, but for containers (`prune` in the manifest).

Examples:
  shipctl prune prod --dry-run                 what would go, how much that is, and why the rest stays
  shipctl prune prod --host web1
  shipctl prune prod --grace 0s --exclude '*/shop/base'";

pub(super) const HOST_DRAIN: &str = "\
Everything on the hosts that stands behind a balancer or an edge is drained; this ends when it is idle. It stays drained: `deploy`
and the like leave it out of traffic, and `status` says who drained it. As many hosts of each service as `max_unavailable` says
go on serving, or nothing is drained.

Examples:
  shipctl host drain prod --host web1 --reason 'a new disk'
  shipctl host drain prod --host web1,web2 --force   both of them, whatever the limits; that it was forced is recorded";

pub(super) const HOST_ADMIT: &str = "\
Each container passes its gate before it gets requests. What is not healthy stays out, and the table says so.

Examples:
  shipctl host admit prod --host web1
  shipctl host admit prod                      every host that is out of traffic";

pub(super) const HOST_REBOOT: &str = "\
As many hosts at a time as a rollout of their services takes, in an order that the plan shows. A host that is not back in time,
or on which a container is not healthy, ends it there: it stays drained, and no further host is touched. SSH has to lead to
root, or to a user for whom `sudo -n` works. Secrets that a host keeps in memory are put back.

Examples:
  shipctl host reboot prod --reason 'the weekly reboot'
  shipctl host reboot prod --host web1 --timeout 20m --yes";

pub(super) const STATUS: &str = "\
Examples:
  shipctl status prod
  shipctl status prod --host web1,web2
  shipctl status prod --check                  exit code 7 when something differs or does not answer";

pub(super) const HISTORY: &str = "\
Examples:
  shipctl history prod
  shipctl history prod --limit 5 --format json
  shipctl history prod --by-hand               what was done by hand: `exec`, `pull`, `tag` …
  shipctl history show prod r12                all that is known of one release";

pub(super) const LOGS: &str = "\
Shown are the containers that run, or the one that ended last; with --since all that have run since, those of earlier
releases too. Following goes on through lost connections and deploys. Values of secrets are not shown.

Examples:
  shipctl logs prod                            the last 100 lines of each container
  shipctl logs prod -f --service web           from now on, new containers too
  shipctl logs prod --since 10m --grep ' 5[0-9][0-9] '
  shipctl logs prod --host web1 --no-prefix --tail all > web1.log
  shipctl logs prod -f --format json | jq -r .line";

pub(super) const EXEC: &str = "\
In one container the program gets the terminal, and what it writes is passed on as it is; in several, its lines stand behind
the names of their hosts. The exit code is the program's, of several the highest. Each is written down before it is run:
`shipctl history ENV --by-hand`.

Examples:
  shipctl exec prod --host web1 -- sh                          on a terminal
  shipctl exec prod --service web -- cat /etc/app/app.conf     on all hosts of the service
  shipctl exec prod --host db1 --reason \"ticket 7\" -- pg_dump shop > shop.sql
  shipctl exec prod --host db1 -i -- psql shop < fix.sql";

pub(super) const RUN: &str = "\
The container is like that of the service on the first of the hosts, release and files included, but has no port, gets no
requests, and counts nowhere as the service. It is removed when the program ends, also after Ctrl-C or a lost connection.
It is written down before it is done: `shipctl history ENV --by-hand`.

Examples:
  shipctl run prod --service web -- bin/console                on a terminal
  shipctl run prod --service web --host web2 -- rake report > report.csv
  shipctl run prod --service web --entrypoint sh -- -c env
  shipctl run prod --service web --detach -- rake reindex      prints the container's name";

pub(super) const HOST_CHECK: &str = "\
All hosts are asked at the same time: their engines, and where they are reached by SSH the hosts themselves; for a bare
Docker endpoint some answers are `?`. A row for each host, and under it what to do. Versions of distributions may have been
mended without being newer, so a known flaw is a warning.

Examples:
  shipctl host check prod                      exit code 1 when something will not work
  shipctl host check prod --host web1
  shipctl host check prod --format json | jq '.host_check.hosts[].findings[] | select(.state != \"ok\")'";

pub(super) const HOST_SETUP: &str = "\
It shows for each host what is so already and what it would do, and asks. An engine that is there is kept; settings in
/etc/docker/daemon.json are added to, and one that is not JSON is left as it is. The engine is restarted only where
live-restore keeps containers running meanwhile, or none runs. Log in as root, or as a user with `sudo -n`.

Examples:
  shipctl host setup prod                      hosts of the manifest, and the authority of its registry
  shipctl host setup prod --host web3 --dry-run
  shipctl host setup root@10.0.0.7 --user deploy --key ~/.ssh/id_ed25519.pub";

pub(super) const HOST_EXEC: &str = "\
What stands behind `--` is the program and its arguments, exactly: no shell of the host reads them, so for `|`, `*` or `$X`
say `sh -c`. What it writes comes in lines, behind the names of the hosts where there are several. It reads nothing. The
exit code is the highest, and at least 1 where a host cannot be reached. It is written down before it is run:
`shipctl history ENV --by-hand`.

Examples:
  shipctl host exec prod -- uptime
  shipctl host exec prod --host web1,web2 --reason 'ticket 7' -- sh -c 'df -h | grep -v tmpfs'
  shipctl host exec prod --format json -- cat /etc/os-release";

pub(super) const TOP: &str = "\
Examples:
  shipctl top prod
  shipctl top prod --service web --once
  shipctl top prod --format json | jq '.top.rows[].usage.memory'";

pub(super) const EVENTS: &str = "\
Examples:
  shipctl events prod                          from now on, until Ctrl-C
  shipctl events prod --since 1h --until 0s    what happened in the last hour
  shipctl events prod --service web --format json | jq -r 'select(.action == \"die\") | .exit_code'";

pub(super) const COPY: &str = "\
What comes from a container is there whole or not at all. A directory is not copied over another one, and an archive that
would put something elsewhere is refused. In the container, files belong to root. Each copy is written down before it is
done: `shipctl history ENV --by-hand`.

Examples:
  shipctl cp prod web1:web:/var/log/app.log .
  shipctl cp prod ./dump.sql db1:db:/tmp/ --reason \"ticket 7\"";

pub(super) const REGISTRY_LS: &str = "\
It is the registry that the manifest names. Some registries, such as Docker Hub, do not tell what they have.

Examples:
  shipctl registry ls prod";

pub(super) const REGISTRY_TAGS: &str = "\
Examples:
  shipctl registry tags prod                   of the images of all services
  shipctl registry tags prod shop/web --format json";

pub(super) const REGISTRY_INSPECT: &str = "\
Examples:
  shipctl registry inspect prod shop/web:1.4";

pub(super) const REGISTRY_RM: &str = "\
Every tag that leads to it is gone with it, and is named before. Hosts of this environment are asked what they run and what
they keep; other environments are not. The registry frees its disk when it collects its garbage.

Examples:
  shipctl registry rm prod shop/web:1.2
  shipctl registry rm prod shop/web@sha256:… --yes";

pub(super) const TAG: &str = "\
The registry alone changes: nothing is pulled, and no host is asked. It asks before a tag is moved that leads elsewhere.

Examples:
  shipctl tag prod shop/web:1.4.2 stable
  shipctl tag prod shop/web@sha256:… 1.4 --yes";

pub(super) const HISTORY_SHOW: &str = "\
Rollouts are asked of the hosts; how long they took, what failed and why is in the journals of this checkout, as far as they
were carried out from here.

Examples:
  shipctl history show prod r12
  shipctl history show prod 3fa9c1 --format json";

pub(super) const REPORT: &str = "\
The page is made from the journal of the rollout, so on the machine and in the checkout that it was carried out from. It
holds all that it needs and no script, and can be mailed or kept as an artifact of a pipeline. Values of secrets are not in
journals, so not in the page.

Examples:
  shipctl report prod -o report.html           the last rollout
  shipctl report prod r12 -o report.html       the last one to this release
  shipctl report prod 20261120T120000Z-0a1b2c > report.html";

pub(super) const DOCTOR: &str = "\
Each line says ok, warn or fail, and what to do. Hosts, registries and balancers are not asked: whether a host is up is for
`status` to say. Outside of a project only the machine itself is looked at.

Examples:
  shipctl doctor                               the machine, and all environments of the project
  shipctl doctor prod                          what prod needs
  shipctl doctor prod --format json            exit code 1 when something will not work";

pub(super) const MAN: &str = "\
Examples:
  shipctl man ~/.local/share/man/man1          for yourself
  shipctl man \"$DESTDIR/usr/share/man/man1\"   in a package";

pub(super) const COMPLETIONS: &str = "\
Examples:
  shipctl completions bash > /etc/bash_completion.d/shipctl
  shipctl completions fish > ~/.config/fish/completions/shipctl.fish
Words are completed with what the project has: environments, hosts, services, jobs, secrets, releases.";

pub(super) const CONFIG_SHOW: &str = "\
Examples:
  shipctl config show prod
  shipctl config show prod --explain           with what each value hides
  shipctl config show prod --interpolate       with the values of `${VARIABLES}` in their places
  shipctl config show prod --file hotfix.yml   above all other layers
  shipctl config show prod --set services.web.image=shop/web:1.4 --format json";

pub(super) const CONFIG_DIFF: &str = "\
Examples:
  shipctl config diff prod staging
  shipctl config diff prod staging --check     exit code 7 when they differ";

pub(super) const CONFIG_RENDER: &str = "\
Examples:
  shipctl config render prod --host web1
  shipctl config render prod --diff            against what the containers have now
  shipctl config render prod -o /tmp/rendered  as DIR/<host>/<service>/<path in the container>";

pub(super) const CONFIG_VALIDATE: &str = "\
Example:
  shipctl config validate prod";

pub(super) const CONFIG_SCHEMA: &str = "\
Editors complete and check keys with it, and show what each is for. They look for it in a line at the top of a file:

  # yaml-language-server: $schema=../manifest.schema.json

Examples:
  shipctl config schema > manifest.schema.json   beside environments/, and anew after an upgrade
  shipctl config schema | jq '.definitions.service.properties | keys'";

pub(super) const LOCK_SHOW: &str = "\
Example:
  shipctl lock show prod";

pub(super) const SECRETS_INIT: &str = "\
An identity is looked for in SHIPCTL_AGE_KEY (its text), SHIPCTL_AGE_KEY_FILE, `age.identity` of the manifest, and
~/.config/shipctl/age.key. Where there is none, one is made, readable by you only.

Examples:
  shipctl secrets init
  shipctl secrets init prod                    also says whether you are a recipient of prod";

pub(super) const SECRETS_SET: &str = "\
The value is never an argument: those can be read by everybody on a machine.

Examples:
  shipctl secrets set prod db_password         asks
  pwgen 32 1 | shipctl secrets set prod db_password
  shipctl secrets set prod tls_key --from-file key.pem";

pub(super) const SECRETS_EDIT: &str = "\
VISUAL or EDITOR gets the plain text, a map of names to values, in a file that only you can read, in memory where the
system has such a place. If the editor fails, the encrypted file stays as it is.

Examples:
  shipctl secrets edit prod
  shipctl secrets edit prod secrets/prod.age.yml";

pub(super) const SECRETS_VIEW: &str = "\
Examples:
  shipctl secrets view prod db_password
  shipctl secrets view prod db_password --reveal | wl-copy";

pub(super) const SECRETS_LIST: &str = "\
A fingerprint is keyed with your identity: it tells nobody else anything, and is another one for another operator.

Examples:
  shipctl secrets list prod
  shipctl secrets list prod --format json";

pub(super) const SECRETS_ROTATE: &str = "\
After a recipient was added or removed in the manifest. Whoever could read the files can still read what is in the
repository's history: after somebody has left, change the values too.

Examples:
  shipctl secrets rotate prod";
pub(super) const INIT: &str = "\
On a terminal it asks for what was not said; elsewhere it takes defaults, and says what to edit. No file is overwritten.

Examples:
  shipctl init                                 here, named after this directory
  shipctl init shop --image ghcr.io/acme/shop --host web1=deploy@web1.internal
  shipctl deploy local                         then: what it wrote, on this machine's own Docker";

pub(super) const IMPORT_COMPOSE: &str = "\
Files that it refers to (`env_file`, `configs`, mounted files) are read beside it; values of variables are not
copied. What cannot be translated is listed with its line, and is no error.

Examples:
  shipctl import compose docker-compose.yml --host web1=deploy@web1.internal
  docker compose config --no-interpolate | shipctl import compose - --environment staging -o shop";

pub(super) const IMPORT_KAMAL: &str = "\
With a destination, deploy.<destination>.yml is laid over the file, as Kamal does. Roles become services, placed
by labels of hosts; ERB is not evaluated. What cannot be translated is listed with its line, and is no error.

Examples:
  shipctl import kamal config/deploy.yml
  shipctl import kamal config/deploy.yml staging";
