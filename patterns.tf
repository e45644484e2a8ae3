################################################################################
# What several settings must look like
################################################################################

locals {
  patterns = {
    bucket_arn  = "^arn:[^:]+:s3:::[a-z0-9][a-z0-9.-]{2,62}$"
    no_field    = "^[.]|[.]$|[.][.]"
    tag         = "^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]*$"
    kms_key_arn = "^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}$"

    # EventBridge takes the singular for 1 alone, and of the two days of a cron exactly one is `?` (EventBridge user
    # guide, "Setting a schedule pattern for scheduled rules").
    schedule = join("|", [
      "^rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)$",
      "^cron\\([0-9A-Z*,/-]+ [0-9A-Z*,/-]+ (\\? [0-9A-Z*,/-]+ [0-9A-Z*,/#L-]+|[0-9A-Z*,/LW-]+ [0-9A-Z*,/-]+ \\?) [0-9*,/-]+\\)$",
    ])
  }
}
