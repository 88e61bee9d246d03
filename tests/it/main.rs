//! Everything that needs no daemon: the planner as text, the rollout on a simulated fleet, the fault sweep, the manifest,
//! the command line.

mod architecture;
mod cli_commands;
mod cli_init;
mod cli_secrets;
mod fleet_ledger;
mod image_context;
mod image_dockerignore;
mod image_reference;
mod image_registry;
mod import_compose;
mod import_kamal;
mod import_support;
mod manifest_confinement;
mod manifest_examples;
mod manifest_gate_and_update;
mod manifest_interpolation;
mod manifest_layers;
mod manifest_ports_and_files;
mod manifest_report;
mod manifest_service_keys;
mod manifest_support;
mod manifest_templates;
mod manifest_top_level;
mod manifest_values;
mod manifest_yaml;
mod plan_deploy;
mod report_lines;
mod report_tables;
mod support;
mod sweep;
mod template_filters;
mod template_shipped;
