//! Manual pages: one for each command, and none says less than the help.

use assert_cmd::Command;
use clap::CommandFactory;
use shipctl::cli::Cli;

/// Every command by its page's name, with the words that begin its help.
fn commands(command: &clap::Command, above: &str, all: &mut Vec<(String, String)>) {
    let name = format!("{above}{}", command.get_name());
    all.push((name.clone(), command.get_about().map(ToString::to_string).unwrap_or_default()));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        commands(below, &format!("{name}-"), all);
    }
}

#[test]
fn every_command_has_a_page_with_examples_exit_codes_files_and_environment() {
    let directory = tempfile::tempdir().expect("a directory");
    let man1 = directory.path().join("share/man/man1");
    let output = Command::cargo_bin("shipctl").expect("the program").arg("man").arg(&man1).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all = Vec::new();
    commands(&Cli::command(), "", &mut all);
    assert!(all.len() > 20, "{all:?}");
    let written = std::fs::read_dir(&man1).expect("a directory").count();
    assert_eq!(written, all.len(), "no page without a command");
    for (name, about) in all {
        let page = std::fs::read_to_string(man1.join(format!("{name}.1"))).expect("its page");
        // As a reader sees it: without fonts, and with what is escaped as it is.
        let escapes = [("\\-", "-"), ("\\fB", ""), ("\\fR", ""), ("\\fI", ""), ("\\*(Aq", "'"), ("\\(aq", "'")];
        let plain = escapes.iter().fold(page, |page, (escape, shown)| page.replace(escape, shown));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"] {
            let title = if section.contains(' ') { format!(".SH \"{section}\"") } else { format!(".SH {section}") };
            assert!(plain.contains(&format!("{title}\n")), "{name}: {section}\n{plain}");
        }
        assert!(plain.contains(&format!("{name} - {about}")), "{name}\n{plain}");
        let help = Command::cargo_bin("shipctl").expect("the program");
        let help = { help }.args(name.split('-').skip(1)).arg("--help").output().expect("it runs");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        for line in help.lines().filter(|line| line.starts_with("  shipctl ")) {
            assert!(plain.contains(line.trim_start()), "{name}: {line}\n{plain}");
        }
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 3);
        for option in options.map(|option| option.trim_end_matches([',', ';', ':', '`', '.', ')', ']'])) {
            assert!(plain.contains(option), "{name}: {option}\n{plain}");
        }
    }
}
