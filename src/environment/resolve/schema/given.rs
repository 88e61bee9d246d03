//! What a service is given: variables, files, ports, networks, names.

use super::super::delivery;
use super::super::files::{CONFIG_MODE, SECRET_MODE};
use super::super::mounts::PROPAGATION;
use super::publish;
use super::shape::{
    Key, Shape, boolean, bytes, either, form, key, level, list, listed, name, named_text, number, number_or, pairs,
    text, text_of, variables_or, words,
};

/// The keys, in the order of the reference.
pub(super) fn keys() -> Vec<Key> {
    let environment = "Variables; a name alone takes the value of yours, and `{ secret: NAME }` that of a secret.";
    let logging = level([
        key("driver", "The engine's driver.", text()).default("json-file"),
        key("options", "Options of the driver; 3 files of 10 MB where neither is said.", pairs()),
    ]);
    vec![
        key("environment", environment, variables_or(of_secret())),
        key(
            "env_file",
            "Files of variables, beneath the project; later ones win.",
            listed(either([text(), env_file()])),
        ),
        key("labels", "Labels of the container; those that begin with `shipctl.` are shipctl's.", pairs()),
        key(
            "label_file",
            "Files of labels, beneath the project; later ones win.",
            listed(either([text(), env_file()])),
        ),
        key("configs", "Configs, as files in the container.", list(either([name(), config()]))),
        key("secrets", "Secrets, as files in the container.", list(either([name(), secret()]))),
        key(
            "volumes",
            "What is mounted: `[source:]target[:options]`, or in the long form.",
            list(either([text(), volume()])),
        ),
        key("tmpfs", "Directories in memory, with options behind a colon: `/run:size=64m`.", listed(form("/.+"))),
        key(
            "ports",
            "What is published: `[[address:]host:]container[/protocol]`, or in the long form.",
            list(either([short_port(), port()])),
        ),
        key(
            "expose",
            "Ports of the container that are only announced: `80`, `8000-8009`, `53/udp`.",
            list(number_or(&(1..=65535), "[0-9]+(-[0-9]+)?(/(tcp|udp))?")),
        ),
        key(
            "networks",
            "What it is attached to: a list, or a map with names and addresses.",
            either([list(name()), named_text(attachment())]),
        ),
        key("network_mode", "Instead of `networks`: the host's own network, or none.", words(["host", "none"])),
        key("hostname", "The container's own name.", host_name()),
        key("domainname", "The container's domain.", host_name()),
        key("dns", "Servers that it asks for names.", listed(form("[0-9a-fA-F.:]+"))),
        key("dns_search", "Domains that names are looked up in.", listed(text())),
        key("dns_opt", "Options of its resolver.", listed(text())),
        key(
            "extra_hosts",
            "Further names: a list of `name=address`, or a map. `host-gateway` is the host itself.",
            extra_hosts(),
        ),
        key("logging", "Where its output goes.", logging),
    ]
}

/// Further names of hosts.
pub(super) fn extra_hosts() -> Shape {
    let address = r"[^=:]+[=:].+";
    either([list(form(address)), named_text(listed(form(r"\[?[0-9a-fA-F.:]+\]?|host-gateway")))])
}

fn host_name() -> Shape {
    let part = "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?";
    text_of(&format!(r"{part}(\.{part})*"))
}

fn env_file() -> Shape {
    let keys = level([
        key("path", "The file.", text()),
        key("required", "Whether it is an error that it is not there.", boolean()).default(true),
        key("format", "`raw`: values are not interpreted.", words(["raw"])),
    ]);
    keys.item(&["path"])
}

fn config() -> Shape {
    let target = "The file in the container; beneath `/`, and called as the config, where it is not said.";
    let owner = [
        key("uid", "Its owner, a number.", number(0..=i64::from(u32::MAX))).default(0),
        key("gid", "Its group, a number.", number(0..=i64::from(u32::MAX))).default(0),
    ];
    let delivery = [
        key(
            "deliver",
            "How it gets there: copied, in a volume, in a directory of the host, or baked.",
            publish::deliver(),
        )
        .default("container"),
        key(
            "on_change",
            "What a change of it does to the container: another one takes its place, or it is told by a signal (`signal` is SIGHUP).",
            words(delivery::ON_CHANGE.map(|(word, _)| word)),
        )
        .default("replace"),
    ];
    level(file("The config.", target, CONFIG_MODE).into_iter().chain(owner).chain(delivery)).item(&[])
}

fn secret() -> Shape {
    let target = "The file in the container; beneath `/run/secrets/`, and called as the secret, where it is not said.";
    let of_user = [
        key("uid", "Its owner, a number; the service's `user` where it is not said.", number(0..=i64::from(u32::MAX))),
        key("gid", "Its group, a number; that of `user` where it is not said.", number(0..=i64::from(u32::MAX))),
        key("tmpfs", "Kept in the host's memory, never on its disk.", boolean()).default(false),
    ];
    level(file("The secret.", target, SECRET_MODE).into_iter().chain(of_user)).item(&[])
}

/// A variable whose value is a secret.
fn of_secret() -> Shape {
    level([key("secret", "The secret whose value it has.", name())])
}

fn file(source: &'static str, target: &'static str, mode: u32) -> [Key; 3] {
    [
        key("source", source, name()),
        key("target", target, text()),
        key("mode", "Who may read it, in octal with a leading zero.", octal()).default(format!("{mode:04o}")),
    ]
}

/// A file mode. Without quotes it is a number to most readers of YAML, and which one differs.
fn octal() -> Shape {
    either([form("0o?[0-7]{1,4}"), number(0..=0o7777)])
}

fn volume() -> Shape {
    let bind = level([
        key("propagation", "What becomes of mounts within it.", words(PROPAGATION)),
        key("selinux", "Labelled for SELinux: shared (`z`) or private (`Z`).", words(["z", "Z"])),
        key("create_host_path", "Whether a missing directory is made.", boolean()).default(true),
    ]);
    let of_volume = level([
        key("nocopy", "The image's files at its place are not copied into a new volume.", boolean()).default(false),
        key("subpath", "A directory of the volume that is mounted in its place.", text()),
    ]);
    let tmpfs = level([
        key("size", "How large it may become.", bytes()),
        key("mode", "Who may use it, in octal with a leading zero.", octal()),
    ]);
    let keys = level([
        key("type", "What is mounted.", words(["bind", "volume", "tmpfs"])),
        key("source", "A volume's name, or an absolute path of the host.", text()),
        key("target", "The place in the container, an absolute path.", form("/.+")),
        key("read_only", "It cannot be written to.", boolean()).default(false),
        key("bind", "Options of a path of the host.", bind),
        key("volume", "Options of a volume.", of_volume),
        key("tmpfs", "Options of a directory in memory.", tmpfs),
    ]);
    keys.item(&["target"])
}

fn short_port() -> Shape {
    let range = "[0-9]+(-[0-9]+)?";
    let address = r"(\[[0-9a-fA-F.:]+\]|[0-9a-fA-F.:]+)";
    number_or(&(1..=65535), &format!("(({address}:)?({range})?:)?{range}(/(tcp|udp))?"))
}

fn port() -> Shape {
    let keys = level([
        key("target", "The port in the container.", number(1..=65535)),
        key(
            "published",
            "The port on the host, or a range that each container takes the next of.",
            number_or(&(1..=65535), "[0-9]+-[0-9]+"),
        ),
        key(
            "host_ip",
            "The host's address that it is published on; all of them where it is not said.",
            form(r"\[?[0-9a-fA-F.:]+\]?"),
        ),
        key("protocol", "The protocol.", words(["tcp", "udp"])).default("tcp"),
        key("name", "For people.", text()),
        key("app_protocol", "For people and other tools.", text()),
        key("mode", "On hosts of one's own both are the same.", words(["host", "ingress"])),
    ]);
    keys.item(&["target"])
}

fn attachment() -> Shape {
    level([
        key("aliases", "Further names that others on the network know it by.", list(name())),
        key("priority", "The network with the highest is the way out.", number(-1_000_000..=1_000_000)).default(0),
        key("ipv4_address", "A fixed address.", form(r"[0-9.]+")),
        key("ipv6_address", "A fixed address.", form(r"[0-9a-fA-F.:]+")),
        key("link_local_ips", "Addresses that are only of this network.", listed(text())),
        key("mac_address", "A fixed hardware address.", form("[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")),
        key("driver_opts", "Options of the network's driver.", pairs()),
    ])
}
