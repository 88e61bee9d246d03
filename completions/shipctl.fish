# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_shipctl_global_optspecs
    string join \n format= project= h/help V/version
end

function __fish_shipctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_shipctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_shipctl_using_subcommand
    set -l cmd (__fish_shipctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c shipctl -n "__fish_shipctl_needs_command" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_needs_command" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_needs_command" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_needs_command" -s V -l version -d 'Print version'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "deploy" -d 'Bring the manifest\'s release to the hosts'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "plan" -d 'Show what `deploy` would do; nothing is changed on any host'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "rollback" -d 'Bring an earlier release back, from the containers that the hosts have kept'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "status" -d 'Show what every host runs, since when, and how that differs from the release in force'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "history" -d 'Show past rollouts, newest first'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "config" -d 'Look at manifests and templates; nothing is contacted'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "secrets" -d 'Keep secrets in the repository, encrypted with age; nothing is contacted'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "lock" -d 'Look at the lock of an environment'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "init" -d 'Write a new project: commented, sound, and deployable to this machine\'s own Docker'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "import" -d 'Turn another tool\'s files into a project; what cannot be translated is listed, with the reason'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c shipctl -n "__fish_shipctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -l plan -d 'Carry out this plan (from `plan -o`), or nothing if manifest or fleet no longer give the same' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -l host -d 'Only these hosts (repeatable, or separated by commas)' -r -f -a "(__fish_print_hostnames)"
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -l service -d 'Only these services (repeatable, or separated by commas)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -l file -d 'Put this file above the environment\'s layers, as a further one (repeatable)' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -l set -d 'Set a manifest value, such as `services.web.image=shop/web:1.4` (repeatable)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -s y -l yes -d 'Do not ask; required where nobody can answer'
complete -c shipctl -n "__fish_shipctl_using_subcommand deploy" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -s o -l output -d 'Save the plan for `deploy --plan`; readable by you only' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -l host -d 'Only these hosts (repeatable, or separated by commas)' -r -f -a "(__fish_print_hostnames)"
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -l service -d 'Only these services (repeatable, or separated by commas)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -l file -d 'Put this file above the environment\'s layers, as a further one (repeatable)' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -l set -d 'Set a manifest value, such as `services.web.image=shop/web:1.4` (repeatable)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -l check -d 'Exit with 7 when there is something to do'
complete -c shipctl -n "__fish_shipctl_using_subcommand plan" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -l to -d 'The release to bring back: `12`, `r12`, or its digest as `history` shows it' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -l host -d 'Only these hosts (repeatable, or separated by commas)' -r -f -a "(__fish_print_hostnames)"
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -l service -d 'Only these services (repeatable, or separated by commas)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -l file -d 'Put this file above the environment\'s layers, as a further one (repeatable)' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -l set -d 'Set a manifest value, such as `services.web.image=shop/web:1.4` (repeatable)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -s y -l yes -d 'Do not ask; required where nobody can answer'
complete -c shipctl -n "__fish_shipctl_using_subcommand rollback" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand status" -l host -d 'Only these hosts (repeatable, or separated by commas)' -r -f -a "(__fish_print_hostnames)"
complete -c shipctl -n "__fish_shipctl_using_subcommand status" -l service -d 'Only these services (repeatable, or separated by commas)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand status" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand status" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand status" -l check -d 'Exit with 7 when something differs from the release in force, or does not answer'
complete -c shipctl -n "__fish_shipctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand history" -l limit -d 'Show at most this many' -r
complete -c shipctl -n "__fish_shipctl_using_subcommand history" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand history" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand history" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -f -a "show" -d 'Print the merged manifest, each value with the file and line that set it'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -f -a "diff" -d 'Print in which values the manifests of two environments differ'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -f -a "render" -d 'Render the configuration files of every host; secrets are left out'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -f -a "validate" -d 'Check manifest and templates; every error at once, with its line'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -f -a "schema" -d 'Print a JSON Schema of the files in `environments/`, for editors; no project is needed'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and not __fish_seen_subcommand_from show diff render validate schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from show" -l file -d 'Put this file above the environment\'s layers, as a further one (repeatable)' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from show" -l set -d 'Set a manifest value, such as `services.web.image=shop/web:1.4` (repeatable)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from show" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from show" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from show" -l explain -d 'Also print what each value hides: what lower layers say in its place'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l check -d 'Exit with 7 when they differ'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -s o -l output -d 'Write files beneath this directory instead of printing them' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l host -d 'Only these hosts (repeatable, or separated by commas)' -r -f -a "(__fish_print_hostnames)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l service -d 'Only these services (repeatable, or separated by commas)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l file -d 'Put this file above the environment\'s layers, as a further one (repeatable)' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l set -d 'Set a manifest value, such as `services.web.image=shop/web:1.4` (repeatable)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l diff -d 'Compare with what the hosts\' containers have now, instead of printing the files whole'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -l check -d 'With --diff: exit with 7 when something differs'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from render" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from validate" -l file -d 'Put this file above the environment\'s layers, as a further one (repeatable)' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from validate" -l set -d 'Set a manifest value, such as `services.web.image=shop/web:1.4` (repeatable)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from validate" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from validate" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from validate" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print the merged manifest, each value with the file and line that set it'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Print in which values the manifests of two environments differ'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "render" -d 'Render the configuration files of every host; secrets are left out'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "validate" -d 'Check manifest and templates; every error at once, with its line'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Print a JSON Schema of the files in `environments/`, for editors; no project is needed'
complete -c shipctl -n "__fish_shipctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -f -a "init" -d 'Make sure that you have an identity, and show the recipient that others encrypt to'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -f -a "set" -d 'Change one secret of an encrypted file; its value is asked for, or read from standard input'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -f -a "edit" -d 'Change an encrypted file in your editor'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -f -a "view" -d 'Print the value of a secret, or of all, as a deploy would read them'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -f -a "list" -d 'List secrets: where each comes from, and a fingerprint that changes with its value'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -f -a "rotate" -d 'Encrypt every encrypted file of an environment anew, to the present recipients'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and not __fish_seen_subcommand_from init set edit view list rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from init" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from init" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from set" -l from-file -d 'Read the value from this file; one line end at its end is dropped' -r -F
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from set" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from set" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from edit" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from edit" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from view" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from view" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from view" -l reveal -d 'Print also where it is not a terminal that is written to'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from view" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from list" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from list" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from rotate" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from rotate" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from help" -f -a "init" -d 'Make sure that you have an identity, and show the recipient that others encrypt to'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from help" -f -a "set" -d 'Change one secret of an encrypted file; its value is asked for, or read from standard input'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from help" -f -a "edit" -d 'Change an encrypted file in your editor'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from help" -f -a "view" -d 'Print the value of a secret, or of all, as a deploy would read them'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from help" -f -a "list" -d 'List secrets: where each comes from, and a fingerprint that changes with its value'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Encrypt every encrypted file of an environment anew, to the present recipients'
complete -c shipctl -n "__fish_shipctl_using_subcommand secrets; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and not __fish_seen_subcommand_from show help" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and not __fish_seen_subcommand_from show help" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and not __fish_seen_subcommand_from show help" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and not __fish_seen_subcommand_from show help" -f -a "show" -d 'Show who holds the lock, since when, and at which step'
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and not __fish_seen_subcommand_from show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and __fish_seen_subcommand_from show" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and __fish_seen_subcommand_from show" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show who holds the lock, since when, and at which step'
complete -c shipctl -n "__fish_shipctl_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand init" -l name -d 'Name of the project [default: that of the directory]' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand init" -l image -d 'The image to deploy [default: what a Dockerfile builds, or else an example]' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand init" -l host -d 'A host of `prod`, such as `web1=deploy@web1.internal` (repeatable)' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand init" -l registry -d 'The registry that hosts pull from, as `host[:port]`' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand init" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand init" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand init" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and not __fish_seen_subcommand_from compose kamal help" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and not __fish_seen_subcommand_from compose kamal help" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and not __fish_seen_subcommand_from compose kamal help" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and not __fish_seen_subcommand_from compose kamal help" -f -a "compose" -d 'Translate a Compose file'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and not __fish_seen_subcommand_from compose kamal help" -f -a "kamal" -d 'Translate Kamal\'s config/deploy.yml'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and not __fish_seen_subcommand_from compose kamal help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from compose" -l environment -d 'The environment to make' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from compose" -l host -d 'A host of it, such as `web1=deploy@web1.internal` (repeatable) [default: this machine\'s own Docker]' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from compose" -s o -l output -d 'Where the project is to be [default: here]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from compose" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from compose" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from compose" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from kamal" -l environment -d 'The environment to make [default: the destination, or else `prod`]' -r -f
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from kamal" -s o -l output -d 'Where the project is to be [default: here]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from kamal" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from kamal" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from kamal" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from help" -f -a "compose" -d 'Translate a Compose file'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from help" -f -a "kamal" -d 'Translate Kamal\'s config/deploy.yml'
complete -c shipctl -n "__fish_shipctl_using_subcommand import; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand completions" -l format -d 'How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result object (json) [default: human on a terminal, plain elsewhere and in CI]' -r -f -a "human\t'Live lines on a terminal, tables, colours'
plain\t'A line per event, tables, no colours'
json\t'Events as JSON lines, and one result object at the end'"
complete -c shipctl -n "__fish_shipctl_using_subcommand completions" -l project -d 'Project root [default: the nearest directory upwards that holds `environments/`]' -r -f -a "(__fish_complete_directories)"
complete -c shipctl -n "__fish_shipctl_using_subcommand completions" -s h -l help -d 'Print help'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "deploy" -d 'Bring the manifest\'s release to the hosts'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "plan" -d 'Show what `deploy` would do; nothing is changed on any host'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "rollback" -d 'Bring an earlier release back, from the containers that the hosts have kept'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "status" -d 'Show what every host runs, since when, and how that differs from the release in force'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "history" -d 'Show past rollouts, newest first'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "config" -d 'Look at manifests and templates; nothing is contacted'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "secrets" -d 'Keep secrets in the repository, encrypted with age; nothing is contacted'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "lock" -d 'Look at the lock of an environment'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "init" -d 'Write a new project: commented, sound, and deployable to this machine\'s own Docker'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "import" -d 'Turn another tool\'s files into a project; what cannot be translated is listed, with the reason'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and not __fish_seen_subcommand_from deploy plan rollback status history config secrets lock init import completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Print the merged manifest, each value with the file and line that set it'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "diff" -d 'Print in which values the manifests of two environments differ'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "render" -d 'Render the configuration files of every host; secrets are left out'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "validate" -d 'Check manifest and templates; every error at once, with its line'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "schema" -d 'Print a JSON Schema of the files in `environments/`, for editors; no project is needed'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from secrets" -f -a "init" -d 'Make sure that you have an identity, and show the recipient that others encrypt to'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from secrets" -f -a "set" -d 'Change one secret of an encrypted file; its value is asked for, or read from standard input'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from secrets" -f -a "edit" -d 'Change an encrypted file in your editor'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from secrets" -f -a "view" -d 'Print the value of a secret, or of all, as a deploy would read them'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from secrets" -f -a "list" -d 'List secrets: where each comes from, and a fingerprint that changes with its value'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from secrets" -f -a "rotate" -d 'Encrypt every encrypted file of an environment anew, to the present recipients'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from lock" -f -a "show" -d 'Show who holds the lock, since when, and at which step'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from import" -f -a "compose" -d 'Translate a Compose file'
complete -c shipctl -n "__fish_shipctl_using_subcommand help; and __fish_seen_subcommand_from import" -f -a "kamal" -d 'Translate Kamal\'s config/deploy.yml'
