//! Manual pages, one for each command, made of what its help says. What is the same for all of them is written here.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Cli, examples};

/// What shipctl reads of its environment.
const VARIABLES: [(&str, &str); 10] = [
    ("SHIPCTL_AGE_KEY", "the text of an age identity that decrypts secrets in the repository; for pipelines"),
    ("SHIPCTL_AGE_KEY_FILE", "a file that holds one"),
    ("SHIPCTL_SSH_CONFIG", "a configuration for ssh in place of the user's and the system's"),
    ("DOCKER_CONFIG", "the directory of the Docker configuration, with its credentials"),
    ("VISUAL, EDITOR", "what `secrets edit` starts"),
    ("NO_COLOR", "no colours"),
    ("CI", "lines instead of a tree that is drawn again"),
    ("GITHUB_ACTIONS, GITLAB_CI, TF_BUILD, BUILDKITE, TEAMCITY_VERSION", "groups of lines as the system marks them"),
    ("XDG_CONFIG_HOME", "where shipctl/age.key is looked for, instead of ~/.config"),
    ("XDG_RUNTIME_DIR", "where sockets of ssh connections are kept"),
];

/// What shipctl reads and writes.
const FILES: [(&str, &str); 7] = [
    ("environments/base.yml, environments/ENV.yml", "the manifest of a project"),
    ("templates/", "templates of configuration files"),
    (".env", "variables of the manifest that the environment does not set"),
    (".shipctl/ENV/ROLLOUT.jsonl", "the journal of a rollout from this checkout, readable by its operator only"),
    ("~/.config/shipctl/age.key", "the operator's own age identity"),
    ("~/.docker/config.json", "credentials of registries, as `docker login` leaves them"),
    ("~/.ssh/config, ~/.ssh/known_hosts", "how hosts are reached, and the keys by which they are known"),
];

/// All pages by file name, such as `shipctl-history-show.1`.
pub fn pages() -> Vec<(String, String)> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    add(&program, &[], &mut pages);
    pages
}

fn add(command: &Command, above: &[&str], pages: &mut Vec<(String, String)>) {
    let path: Vec<&str> = above.iter().copied().chain([command.get_name()]).collect();
    pages.push((format!("{}.1", path.join("-")), page(command, &path)));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        add(below, &path, pages);
    }
}

fn page(command: &Command, path: &[&str]) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (prose, listed) = parts(&after);
    let has_commands = command.get_subcommands().next().is_some();
    let man = Man::new(command.clone())
        .title(path.join("-").to_uppercase())
        .source(concat!("shipctl ", env!("CARGO_PKG_VERSION")))
        .manual("shipctl manual");
    let mut text = Vec::new();
    // Writing into memory cannot fail.
    let _ = man.render_title(&mut text);
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]).text([roman(format!("{} - {about}", path.join("-")))]);
    let _ = roff.to_writer(&mut text);
    let _ = man.render_synopsis_section(&mut text);
    let mut roff = Roff::new();
    roff.control("SH", ["DESCRIPTION"]).text([roman(about)]);
    for paragraph in prose {
        roff.control("PP", []).text([roman(paragraph)]);
    }
    let _ = roff.to_writer(&mut text);
    let _ = man.render_options_section(&mut text);
    if has_commands {
        let _ = man.render_subcommands_section(&mut text);
    }
    let mut roff = Roff::new();
    if let Some(examples) = listed {
        roff.control("SH", ["EXAMPLES"]);
        verbatim(&mut roff, &examples);
    }
    roff.control("SH", ["EXIT STATUS"]);
    verbatim(&mut roff, examples::EXIT_CODES.split_once('\n').map_or("", |(_, codes)| codes));
    table(&mut roff, "ENVIRONMENT", &VARIABLES);
    table(&mut roff, "FILES", &FILES);
    roff.control("SH", ["SEE ALSO"]);
    let program = path[0];
    let above = path.split_last().filter(|(_, above)| !above.is_empty()).map(|(_, above)| above.join("-"));
    let mut others: Vec<_> = above.into_iter().map(|name| format!("{name}(1)")).collect();
    if path.len() == 1 {
        let below = command.get_subcommands().filter(|below| !below.is_hide_set());
        others.extend(below.map(|below| format!("{program}-{}(1)", below.get_name())));
    }
    others.extend(["ssh(1)".to_owned(), "docker(1)".to_owned()]);
    roff.text([roman(others.join(", "))]);
    let _ = roff.to_writer(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// What stands at the end of a help text: paragraphs, and the lines of its examples.
fn parts(after: &str) -> (Vec<String>, Option<String>) {
    if after == examples::EXIT_CODES {
        return (Vec::new(), None);
    }
    let (prose, listed) = match after.split_once("Examples:\n").or_else(|| after.split_once("Example:\n")) {
        Some((prose, listed)) => (prose, Some(listed)),
        None => (after, None),
    };
    let paragraphs = prose.split("\n\n").map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    (paragraphs.filter(|one| !one.is_empty()).collect(), listed.map(str::to_owned))
}

fn verbatim(roff: &mut Roff, lines: &str) {
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn table(roff: &mut Roff, title: &str, rows: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (name, words) in rows {
        roff.control("TP", []).text([bold(*name)]).text([roman(*words)]);
    }
}
