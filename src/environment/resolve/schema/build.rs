//! `services.<name>.build`.

use super::given::extra_hosts;
use super::shape::{Shape, boolean, bytes, either, form, key, level, list, listed, pairs, text, variables};

/// `build`, in its long form.
pub(super) fn build() -> Shape {
    let secret = level([
        key("source", "The name of the secret.", text()),
        key("target", "The id that the Dockerfile names it by; its name where it is not said.", text()),
    ]);
    level([
        key("context", "A directory of the project.", text()),
        key("dockerfile", "The Dockerfile, beneath the context.", text()).default("Dockerfile"),
        key("args", "Build arguments; a name alone takes the value of your variable.", variables()),
        key("target", "The stage that is built; the last one where it is not said.", text()),
        key("platforms", "For which machine, as `linux/amd64`: an engine makes an image for one.", listed(platform())),
        key("labels", "Labels of the image.", pairs()),
        key(
            "secrets",
            "Secrets that `RUN --mount=type=secret` may read, each by its name or its `target`.",
            list(either([text(), secret.item(&["source"])])),
        ),
        key(
            "ssh",
            "SSH agents that `RUN --mount=type=ssh` may ask: `default`, or `id=SOCKET`.",
            either([listed(text()), variables()]),
        ),
        key("cache_from", "Images whose layers may be taken for steps that have not changed.", listed(text())),
        key("network", "The network of `RUN`: `none`, `host`, or the engine's own where it is not said.", text()),
        key("extra_hosts", "Further names of hosts while it is built.", extra_hosts()),
        key("shm_size", "Size of `/dev/shm` while it is built.", bytes()),
        key("no_cache", "Do every step anew, in every deploy.", boolean()).default(false),
        key("pull", "Look for newer base images, in every deploy.", boolean()).default(false),
    ])
}

/// `os/architecture`, and a variant.
pub(super) fn platform() -> Shape {
    form("[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?")
}
