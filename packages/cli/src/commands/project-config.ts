/** What `wave init` writes to `.wave/config.yaml`. */
export const PROJECT_CONFIG = `\
# yaml-language-server: $schema=schema/config.schema.json
# wave: facts about this project and limits for it. Every key is optional.
#
# This file is data. It cannot name endpoints, keys, images or paths of your machine, and its limits only
# narrow what your own configuration grants ("wave doctor" says where that is).

# What a plain "wave run" starts.
defaultPipeline: incident-response

# Limits of one run.
# limits: { usd: 2, minutes: 30 }

# Texts that prompts can use, this one as {{ project.test_command }}.
# project:
#   test_command: "npm test"
`
