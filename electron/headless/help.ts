export const HELP = `attache runs an Envoy v3 configuration on this machine and explains every decision.

  attache -c FILE                          serve a bootstrap (YAML or JSON) in the foreground
  attache ui [-c FILE] [--port N]          the same with the web UI on loopback (--no-open: no browser)
  attache app [-c FILE]                    the desktop app
  attache demo                             the demo shop in the web UI
  attache validate FILE                    check a configuration; every problem with its line
                                           --lint: warnings count, and more is said of the routes
                                           --fix: mend what can be mended, and write the file
  attache explain -c FILE METHOD URL       say where a request would go, and why  [-H 'name: value']…
                                           --draws N: also where N such requests would go
  attache route-test -c FILE TESTS.yaml    run route tests (the format of Envoy's router_check tool)
                                           --route-config NAME, --fail-under PERCENT of routes covered
  attache ca                               the development CA: where it is, how to trust it  [--export FILE]
  attache export -c FILE --to DIR          write the configuration for a real Envoy, with a report

Configuration
  -c, --config-path FILE                   the bootstrap; a fragment with listeners: and clusters: will do
  --config-yaml TEXT                       merged into the file
  --cluster NAME=HOST:PORT,HOST:PORT       gives hosts to a cluster that the file names and does not define
  --allow-unknown-static-fields            unknown fields are warnings
  --service-node ID, --service-cluster NAME
  --watch, --no-watch                      apply the file again when it changes (on by default)

Serving
  --mode serve|validate|init_only
  -l, --log-level trace|debug|info|warning|error|critical|off     (warning)
  --log-path FILE                          the log goes there instead of stderr
  --admin-address-path FILE                the bound admin address is written there
  --drain-time-s N                         how long requests may finish when it stops
  --drain-strategy gradual|immediate       how responses end connections until then (gradual)
  --file-flush-interval-msec N             access logs (10000)
  Envoy's other flags are accepted and have no effect.

Outbound capture (also without a configuration; it is part of none, and of no export)
  --capture PORT                           an HTTP proxy on loopback for the calls that services make: every request
                                           in the clear is recorded, everything else passes through untouched
  --intercept HOST[,HOST…]                 TLS to these hosts is opened with a certificate of the development CA
                                           (api.example.com, *.example.com, api.*.example.com:8443; see attache ca)
  --capture-ca FILE                        an authority that these hosts may be checked against beside the system's

Output
  --format text|json                       for validate, explain, route-test and export
  --help, --version

Exit codes: 0 all is well, 1 the configuration was refused or a port is taken, 2 the command line is wrong.
`;
