complete --keep-order --exclusive --command shipctl --arguments "(SHIPCTL_COMPLETE=fish shipctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
