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
  7  `plan --check`, `status --check`: there are differences";

pub(super) const DEPLOY: &str = "\
Examples:
  shipctl deploy prod                          show the plan, ask, roll out
  shipctl deploy prod --yes                    in CI: without a question
  shipctl deploy prod --plan reviewed.json     exactly a reviewed plan, or nothing if it is stale
  shipctl deploy prod --service web --set services.web.image=shop/web:1.4";

pub(super) const PLAN: &str = "\
Images are built and pushed, because a plan names them by digest. No host is changed.

Examples:
  shipctl plan prod
  shipctl plan prod -o reviewed.json           for review, and for `deploy --plan`
  shipctl plan prod --check                    exit code 7 when there is something to do";

pub(super) const ROLLBACK: &str = "\
Without --to: the release in force where the fleet does not run it, otherwise the last good one before it.

Examples:
  shipctl rollback prod
  shipctl rollback prod --to r12               as `history` names it
  shipctl rollback prod --host web2 --yes";

pub(super) const STATUS: &str = "\
Examples:
  shipctl status prod
  shipctl status prod --host web1,web2
  shipctl status prod --check                  exit code 7 when something differs or does not answer";

pub(super) const HISTORY: &str = "\
Examples:
  shipctl history prod
  shipctl history prod --limit 5 --format json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  shipctl completions bash > /etc/bash_completion.d/shipctl
  shipctl completions fish > ~/.config/fish/completions/shipctl.fish";

pub(super) const CONFIG_SHOW: &str = "\
Examples:
  shipctl config show prod
  shipctl config show prod --set services.web.image=shop/web:1.4 --format json";

pub(super) const CONFIG_RENDER: &str = "\
Examples:
  shipctl config render prod --host web1
  shipctl config render prod -o /tmp/rendered  as DIR/<host>/<service>/<path in the container>";

pub(super) const CONFIG_VALIDATE: &str = "\
Example:
  shipctl config validate prod";

pub(super) const LOCK_SHOW: &str = "\
Example:
  shipctl lock show prod";

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
