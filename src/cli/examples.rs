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
  shipctl config show prod --explain           with what each value hides
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
