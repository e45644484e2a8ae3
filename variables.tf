################################################################################
# Common
################################################################################

variable "name" {
  description = "Prefix of every name that is not given: function, role, policies, queue, alarms, dashboard. A name of its own in its account, in every region: roles have no region, and a second stack of one name stops at them. Another name replaces what was created under the old one; table and collection have names of their own and stay. With another function name the index is handed over by `index.adopt`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,23}$", var.name))
    error_message = "name is ${jsonencode(var.name)}: use 3 to 24 lower case letters, digits and hyphens, beginning with a letter."
  }
}

variable "tags" {
  description = "Tags of everything that can carry them."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : length(key) >= 1 && length(key) <= 128 && length(value) <= 256])
    error_message = "tags has ${length(var.tags)} tags, the longest key with ${max(0, [for key, value in var.tags : length(key)]...)} characters and the longest value with ${max(0, [for key, value in var.tags : length(value)]...)}: give at most 50, keys of 1 to 128 characters and values of at most 256."
  }
  validation {
    # What every service takes: IAM and Lambda say it in their models (`tagKeyType`, `TagKey`); "Tag naming limits and
    # requirements" keeps `aws:` for AWS.
    condition     = alltrue([for text in concat(keys(var.tags), values(var.tags)) : can(regex(local.patterns.tag, text))]) && !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])
    error_message = "tags has ${jsonencode([for key, value in var.tags : "${key}=${value}" if !can(regex(local.patterns.tag, "${key}${value}")) || startswith(lower(key), "aws:")])}: use letters, digits, spaces and _ . : / = + - @, in keys that do not begin with aws:, which is AWS's own."
  }
  validation {
    # IAM user guide, "Rules for tagging in IAM and AWS STS": of a role they are not case sensitive.
    condition     = length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = "tags has the keys ${jsonencode(keys(var.tags))}, two of them alike but for capitals: IAM takes them for one key of a role. Leave one of the two out."
  }
}

################################################################################
# Table
################################################################################

variable "table" {
  description = <<-EOT
    The table to create, or one to import. It has no words for indexes, replicas, table class, throughput limits and auto scaling, and never touches those that the table has, but for scaled capacities: see docs/tables.md. Give this or `existing_table`.
    - `name`: table name. Another name replaces the table.
    - `hash_key`: name and type (S, N or B) of the partition key. Another key replaces the table.
    - `range_key`: name and type of the sort key; null for a table without.
    - `stream_view_type`: NEW_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY or OLD_IMAGE. The last two make every change a read of the table. Another type makes a new stream and a new trigger: run a repair.
    - `billing_mode`: PAY_PER_REQUEST, or PROVISIONED with both capacities.
    - `read_capacity`: read units a second, for PROVISIONED.
    - `write_capacity`: write units a second, for PROVISIONED.
    - `point_in_time_recovery`: continuous backups of the last 35 days.
    - `deletion_protection`: DynamoDB refuses to delete the table, `terraform destroy` included.
    - `kms_key_arn`: KMS key of the table; null for a key that AWS owns.
    - `ttl`: the attribute with the expiry time, and whether items expire by it; null for never. An expired item's document is deleted too, but for `document.keep_expired`. To end it, apply `enabled = false` before you leave it out.
    - `index_attributes`: name and type (S, N or B) of attributes that indexes made elsewhere use; DynamoDB keeps their types with the table. Without them the plan for a table with such indexes is refused ("all indexes must match a defined attribute").
  EOT
  type = object({
    name                   = string
    hash_key               = object({ name = string, type = optional(string, "S") })
    range_key              = optional(object({ name = string, type = optional(string, "S") }))
    stream_view_type       = optional(string, "NEW_IMAGE")
    billing_mode           = optional(string, "PAY_PER_REQUEST")
    read_capacity          = optional(number)
    write_capacity         = optional(number)
    point_in_time_recovery = optional(bool, true)
    deletion_protection    = optional(bool, true)
    kms_key_arn            = optional(string)
    ttl                    = optional(object({ attribute = string, enabled = optional(bool, true) }))
    index_attributes       = optional(map(string), {})
  })
  default = null

  validation {
    condition     = (var.table == null) != (var.existing_table == null)
    error_message = "${var.table == null ? "Neither table nor existing_table is given" : "Both table and existing_table are given"}: give table to create one, or existing_table to follow one that exists."
  }
  validation {
    condition     = var.table == null ? true : can(regex("^[A-Za-z0-9_.-]{3,255}$", var.table.name))
    error_message = "table.name is ${jsonencode(try(var.table.name, null))}: use 3 to 255 letters, digits, points, hyphens and underscores."
  }
  validation {
    condition     = var.table == null ? true : alltrue([for key in [var.table.hash_key, var.table.range_key] : contains(["B", "N", "S"], key.type) && length(key.name) >= 1 && length(key.name) <= 255 if key != null])
    error_message = "table.hash_key or table.range_key is ${jsonencode(try([var.table.hash_key, var.table.range_key], null))}: give a name of 1 to 255 characters and the type S, N or B."
  }
  validation {
    condition     = try(var.table.range_key, null) == null ? true : var.table.range_key.name != var.table.hash_key.name
    error_message = "table.range_key.name is ${jsonencode(try(var.table.range_key.name, null))} like the hash key's: name another attribute, or leave range_key out."
  }
  validation {
    condition     = var.table == null ? true : alltrue([for name in [for key in try([var.table.hash_key, var.table.range_key], []) : key.name if key != null] : !can(regex(local.patterns.no_field, name)) && alltrue([for other in [for key in try([var.table.hash_key, var.table.range_key], []) : key.name if key != null] : !startswith(other, "${name}.")])])
    error_message = "table.hash_key or table.range_key names ${jsonencode([for key in try([var.table.hash_key, var.table.range_key], []) : key.name if key != null])}: OpenSearch takes no field like this, so that no item could be written. It refuses an empty part between points, and a name that is the beginning of the other before a point."
  }
  validation {
    condition     = var.table == null ? true : contains(["KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE"], var.table.stream_view_type)
    error_message = "table.stream_view_type is ${jsonencode(try(var.table.stream_view_type, null))}: use NEW_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY or OLD_IMAGE."
  }
  validation {
    condition     = var.table == null ? true : contains(["PAY_PER_REQUEST", "PROVISIONED"], var.table.billing_mode)
    error_message = "table.billing_mode is ${jsonencode(try(var.table.billing_mode, null))}: use PAY_PER_REQUEST or PROVISIONED."
  }
  validation {
    condition     = var.table == null ? true : alltrue([for units in [var.table.read_capacity, var.table.write_capacity] : var.table.billing_mode == "PROVISIONED" ? try(units >= 1 && floor(units) == units, false) : units == null])
    error_message = "table.read_capacity and table.write_capacity are ${jsonencode(try([var.table.read_capacity, var.table.write_capacity], null))} with billing_mode ${jsonencode(try(var.table.billing_mode, null))}: give both, whole numbers from 1, for PROVISIONED and neither for PAY_PER_REQUEST."
  }
  validation {
    condition     = try(var.table.ttl, null) == null ? true : length(var.table.ttl.attribute) >= 1 && length(var.table.ttl.attribute) <= 255
    error_message = "table.ttl.attribute is ${jsonencode(try(var.table.ttl.attribute, null))}: give an attribute's name of 1 to 255 characters, or leave ttl out."
  }
  validation {
    condition     = alltrue([for attribute in [for document in concat([var.document], [for view in values(var.views) : view.document]) : document.keep_expired] : attribute == null ? true : try(var.table.stream_view_type, "NEW_AND_OLD_IMAGES") == "NEW_AND_OLD_IMAGES" && (var.table == null || try(var.table.ttl.attribute, null) == attribute)])
    error_message = "table.stream_view_type is ${jsonencode(try(var.table.stream_view_type, null))} and table.ttl ${jsonencode(try(var.table.ttl, null))}, with document.keep_expired ${jsonencode([for document in concat([var.document], [for view in values(var.views) : view.document]) : document.keep_expired if document.keep_expired != null])}: what an expired item was stands in old images alone, so use NEW_AND_OLD_IMAGES, and name the attribute of table.ttl."
  }
  validation {
    condition     = alltrue([for name, type in try(var.table.index_attributes, {}) : contains(["B", "N", "S"], type) && length(name) >= 1 && length(name) <= 255 && !contains([var.table.hash_key.name, try(var.table.range_key.name, "")], name)])
    error_message = "table.index_attributes is ${jsonencode(try(var.table.index_attributes, null))}: give names of 1 to 255 characters with the type S, N or B, and none of the table's own key."
  }
  validation {
    condition     = try(var.table.kms_key_arn, null) == null ? true : can(regex(local.patterns.kms_key_arn, var.table.kms_key_arn))
    error_message = "table.kms_key_arn is ${jsonencode(try(var.table.kms_key_arn, null))}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias."
  }
}

variable "existing_table" {
  description = <<-EOT
    The table to follow, made elsewhere, with its stream on: another stack's, another account's, or a resource of this one, by its attributes (docs/tables.md). It is never changed. Give this or `table`.
    - `stream_arn`: ARN of the table's stream. Another stream replaces the trigger, whose place in the stream is lost: run a repair.
    - `key_attributes`: names of the key attributes, hash key first.
    - `kms_key_arn`: the table's KMS key, when a customer manages it; the role may then decrypt with it.
    - `cross_account`: whether the table belongs to another account, in the same region. Its owner applies the policies of `modules/table_policies` first. The alarm `stream-unread` and what the dashboard shows of the table are left out: they would watch a table of this account.
  EOT
  type = object({
    stream_arn     = string
    key_attributes = list(string)
    kms_key_arn    = optional(string)
    cross_account  = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.existing_table == null ? true : can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}/stream/[^/]+$", var.existing_table.stream_arn))
    error_message = "existing_table.stream_arn is ${jsonencode(try(var.existing_table.stream_arn, null))}: give the stream's ARN (arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>), from the table's LatestStreamArn."
  }
  validation {
    condition     = var.existing_table == null ? true : contains([1, 2], length(var.existing_table.key_attributes)) && length(distinct(var.existing_table.key_attributes)) == length(var.existing_table.key_attributes) && alltrue([for name in var.existing_table.key_attributes : length(name) >= 1 && length(name) <= 255])
    error_message = "existing_table.key_attributes is ${jsonencode(try(var.existing_table.key_attributes, null))}: give the one or two names of the table's key schema, of 1 to 255 characters, hash key first."
  }
  validation {
    condition     = var.existing_table == null ? true : alltrue([for name in try(var.existing_table.key_attributes, []) : !can(regex(local.patterns.no_field, name)) && alltrue([for other in try(var.existing_table.key_attributes, []) : !startswith(other, "${name}.")])])
    error_message = "existing_table.key_attributes names ${jsonencode(try(var.existing_table.key_attributes, []))}: OpenSearch takes no field like this, so that no item could be written. It refuses an empty part between points, and a name that is the beginning of the other before a point."
  }
  validation {
    condition     = !try(var.existing_table.cross_account, false) || var.reconciliation.export_bucket == null
    error_message = "existing_table.cross_account is true and reconciliation.export_bucket is given: DynamoDB tells of an export in its table's own account alone. Leave export_bucket out, and fill the index by a backfill."
  }
  validation {
    condition     = try(var.existing_table.kms_key_arn, null) == null ? true : can(regex(local.patterns.kms_key_arn, var.existing_table.kms_key_arn))
    error_message = "existing_table.kms_key_arn is ${jsonencode(try(var.existing_table.kms_key_arn, null))}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias."
  }
}

################################################################################
# Collection
################################################################################

variable "collection" {
  description = <<-EOT
    The OpenSearch Serverless collection to create, of type SEARCH. Give this or `existing_collection`.
    - `name`: collection name. Another name replaces the collection, with everything in it.
    - `description`: text that the console shows beside the collection and its policies.
    - `standby_replicas`: a second copy of every shard in another zone. The account's first collection starts a floor that all its collections share: 2 OCU (about $350 a month), without standby half of it. Another value replaces the collection.
    - `kms_key_arn`: KMS key of the collection; null for a key that AWS owns. Cannot be changed later.
    - `network`: who reaches the collection: `public`, signed requests from the internet, or `vpc`, those through `vpc_endpoint_ids` alone.
    - `vpc_endpoint_ids`: OpenSearch Serverless VPC endpoints, for `network = "vpc"`. Needs `function.vpc`.
    - `data_access_principals`: ARNs of the roles and users that may read the collection's indexes; the caller is not one of them unless named.
  EOT
  type = object({
    name                   = string
    network                = string
    description            = optional(string, "Documents that searchsync keeps in step with a DynamoDB table")
    standby_replicas       = optional(bool, true)
    kms_key_arn            = optional(string)
    vpc_endpoint_ids       = optional(list(string), [])
    data_access_principals = optional(list(string), [])
  })
  default = null

  # What the values may be stands once, in modules/collection.
  validation {
    condition     = (var.collection == null) != (var.existing_collection == null)
    error_message = "${var.collection == null ? "Neither collection nor existing_collection is given" : "Both collection and existing_collection are given"}: give collection to create one, or existing_collection to write to one that exists."
  }
  validation {
    condition     = length(try(var.collection.vpc_endpoint_ids, [])) == 0 || var.function.vpc != null
    error_message = "collection.vpc_endpoint_ids is ${jsonencode(try(var.collection.vpc_endpoint_ids, []))} and function.vpc is not given: the function could not reach the collection. Give function.vpc with subnets and security groups that reach these endpoints."
  }
}

variable "existing_collection" {
  description = <<-EOT
    The collection to write to, made elsewhere, of type SEARCH, classic or NextGen. Give this or `collection`.
    - `name`: its name, which data access policies need.
    - `arn`: its ARN, which the role's policy needs.
    - `endpoint`: its own OpenSearch endpoint, a URL; not the one that NextGen has for a whole account.
    - `dashboard_endpoint`: its dashboard's URL, for the output alone.
    - `create_data_access_policy`: create the policy that lets the function write the index. When false, somebody else grants ReadDocument, WriteDocument, CreateIndex and DescribeIndex on it.
  EOT
  type = object({
    name                      = string
    arn                       = string
    endpoint                  = string
    dashboard_endpoint        = optional(string)
    create_data_access_policy = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.existing_collection == null ? true : can(regex("^[a-z][a-z0-9_-]{2,63}$", var.existing_collection.name))
    error_message = "existing_collection.name is ${jsonencode(try(var.existing_collection.name, null))}: give the collection's name (3 to 64 lower case letters, digits, hyphens and underscores, beginning with a letter), not its id."
  }
  validation {
    condition     = var.existing_collection == null ? true : can(regex("^arn:[^:]+:aoss:[^:]+:[0-9]{12}:collection/[a-z0-9]+$", var.existing_collection.arn))
    error_message = "existing_collection.arn is ${jsonencode(try(var.existing_collection.arn, null))}: give the collection's ARN (arn:aws:aoss:<region>:<account>:collection/<id>)."
  }
  validation {
    # http is let through for a loopback address alone: that is a lab on the same machine.
    condition     = var.existing_collection == null ? true : can(regex("^(https://[^/]+|http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?)/?$", var.existing_collection.endpoint))
    error_message = "existing_collection.endpoint is ${jsonencode(try(var.existing_collection.endpoint, null))}: give the collection's OpenSearch endpoint, https://<id>.<region>.aoss.amazonaws.com or https://<id>.aoss.<region>.on.aws, without a path."
  }
  validation {
    # It serves every collection of an account, and asks each request for a header that names one.
    condition     = var.existing_collection == null ? true : !can(regex("^https://[0-9]{12}[.]aoss[.-]", var.existing_collection.endpoint))
    error_message = "existing_collection.endpoint is ${jsonencode(try(var.existing_collection.endpoint, null))}, the endpoint of a whole account: give the collection's own, https://<id>.aoss.<region>.on.aws (its collectionEndpoint)."
  }
  validation {
    condition     = try(var.existing_collection.dashboard_endpoint, null) == null ? true : can(regex("^https?://[!-~]+$", var.existing_collection.dashboard_endpoint))
    error_message = "existing_collection.dashboard_endpoint is ${jsonencode(try(var.existing_collection.dashboard_endpoint, null))}: give the dashboard's URL (https://…/_dashboards), or leave it out."
  }
}

variable "index" {
  description = <<-EOT
    The index that the documents go to.
    - `name`: index name; null takes the table's name in lower case. Another name starts an empty index: run a backfill. An index has one owner, a stack with its table: another's is refused.
    - `adopt`: take over an index that is there: `"nobody"` for one that was made by hand, or by an older version; `"<function name> <table ARN>"`, as the refusal names it, for one whose stack or table is no more (renamed, restored under another name). Run a backfill and a verification then, and take `"nobody"` out again: as long as it stands, an index that a stray write made is taken too. Who grants the data access grants UpdateIndex too. null: none.
    - `mapping`: JSON text that stands below `mappings`; null for the default (numbers double, strings text with a keyword sub-field, no date detection). It holds for an index that is created after the change. Types that OpenSearch does not have, a `_source` that is not kept whole and a required `_routing` are refused; what only the engine finds is said by the function's error. The field `searchsync_key`, by which the index is scanned, is added to it.
    - `settings`: JSON text that stands below `settings`, such as analyzers: `jsonencode({ analysis = { … } })`; null for none. It holds for an index that is created after the change. Of the rest a collection decides the numbers of shards and replicas by itself. Settings that would break the sync are refused (`blocks`, pipelines, `derived_source`, `gc_deletes`, `max_result_window`, …).
  EOT
  type = object({
    name     = optional(string)
    adopt    = optional(string)
    mapping  = optional(string)
    settings = optional(string)
  })
  default  = {}
  nullable = false

  # What the values may be stands once, in modules/view.
}

################################################################################
# Document
################################################################################

variable "document" {
  description = <<-EOT
    Which items have a document, and what of them is in it. After a change run `searchsync backfill --again`, then `searchsync repair`: until then documents have the shape in which they were written, and those are there that were.
    - `when`: a pattern that an item must match to have a document, such as `jsonencode({ status = ["open"], _deleted = [{ exists = false }, false] })`; null for every item. It is written like an event pattern of EventBridge, and asked of the item's own values. An item that stops matching leaves the index.
    - `include`: paths of the attributes that documents have, such as `["name", "address.city"]`; null for all. Key attributes are always there.
    - `exclude`: paths of the attributes that they do not have, of what is included: embeddings, secrets, whatever nobody searches.
    - `rename`: paths with the new names of what they lead to, such as `{ n = "name", "address.c" = "city" }`: it stays where it is, under another last name. Key attributes keep their names.
    - `constants`: attributes that each document has beside its item's, such as `{ tenant = "eu", rank = 1, live = true }`: texts, numbers and booleans.
    - `keep_expired`: the table's TTL attribute, for documents that stay when DynamoDB deletes their items because they expired; null: they are deleted like any other. The index is then the only place that has them (docs/documents.md). The stream must be of NEW_AND_OLD_IMAGES.

    A path is names with dots between them, through maps and the maps of lists; a dot that belongs to a name is written `\\.` (in HCL `"a\\\\.b"`). Names that the engine keeps for itself at the top of a document (`_version`, `_id`, `_source`, …) have one more underscore there.
  EOT
  type = object({
    when    = optional(string)
    include = optional(list(string))
    exclude = optional(list(string), [])
    rename  = optional(map(string), {})
    # A map's values have one type, so that numbers would become texts.
    constants    = optional(any, {})
    keep_expired = optional(string)
  })
  default  = {}
  nullable = false

  # What the values may be stands once, in modules/view.
}

################################################################################
# Views
################################################################################

variable "views" {
  description = <<-EOT
    Further indexes of the same table, by their names: lower case letters, digits and hyphens, such as `views = { products = { document = { when = … } } }`. At most nine, beside the first view, which `index` and `document` are. All are written by one function in one request; each has a reconcile function, state machine, schedules, bucket and alarms of its own, with the settings of `reconciliation` and `-<view>` in their names. After a view is added, backfill its index; one that is taken out leaves its index as it is.
    - `index`: its index, with the attributes of `index`. Its name is by default the first one's with `-` and the view's name behind it.
    - `document`: which items have a document in it, and what of them, with the attributes of `document`. Only `constants` is a text here, such as `jsonencode({ tenant = "eu", rank = 1 })`: in a map of views Terraform would make texts of numbers.
  EOT
  type = map(object({
    index = optional(object({
      name     = optional(string)
      adopt    = optional(string)
      mapping  = optional(string)
      settings = optional(string)
    }), {})
    document = optional(object({
      when         = optional(string)
      include      = optional(list(string))
      exclude      = optional(list(string), [])
      rename       = optional(map(string), {})
      constants    = optional(string)
      keep_expired = optional(string)
    }), {})
  }))
  default  = {}
  nullable = false

  # What their values may be stands once, in modules/view.
  validation {
    condition     = alltrue([for name in keys(var.views) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", name)) && length(name) <= 20])
    error_message = "views has the names ${jsonencode([for name in keys(var.views) : name if !can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", name)) || length(name) > 20])}: use 1 to 20 lower case letters, digits and single hyphens, beginning with a letter."
  }
  validation {
    # MOST_VIEWS in limits.py.
    condition     = length(var.views) <= 9
    error_message = "views has ${length(var.views)} views: give at most 9, beside the first one, and the rest to another stack on the same table."
  }
  validation {
    # IAM takes 64 characters (`roleNameType`), and the schedule's role has `-reconcile-schedule-role` behind both.
    condition     = alltrue([for view in keys(var.views) : length(var.name) + length(view) <= 39])
    error_message = "views has ${jsonencode([for view in keys(var.views) : view if length(var.name) + length(view) > 39])}, and name is ${jsonencode(var.name)}: both are in the names of roles, which have room for 39 characters of them together. Give the view a shorter name."
  }
  validation {
    # EventBridge takes 64, and the rule of the scheduled verification has `-reconcile-verify` behind both.
    condition     = alltrue([for view in keys(var.views) : length(coalesce(var.function.name, var.name)) + length(view) <= 46])
    error_message = "views has ${jsonencode([for view in keys(var.views) : view if length(coalesce(var.function.name, var.name)) + length(view) > 46])}, and the function is ${jsonencode(coalesce(var.function.name, var.name))}: both are in the names of rules and functions, which have room for 46 characters of them together. Give the view a shorter name."
  }
}

################################################################################
# Function
################################################################################

variable "function" {
  description = <<-EOT
    The function that writes the changes to the collection.
    - `name`: function name; null takes `name`. The index belongs to it: another name needs `index.adopt`, in the same apply.
    - `runtime`: python3.12, python3.13 or python3.14 (needs provider 6); the package must be built for it.
    - `architecture`: arm64 or x86_64. The package serves both.
    - `memory_size`: MB, from 128 to 10240. More memory is more processor too. With less than 512 a batch of 6 MB of very many small members may not fit, and comes again until it is too old.
    - `timeout`: seconds of one invocation: at least 90 + 2 * `max_clock_skew_seconds`, so that one resync fits whole; at most 900.
    - `max_clock_skew_seconds`: how far the clocks of DynamoDB and of the function may be apart, from 5 to 300. More is slower where writes meet, less is unsafe with worse clocks.
    - `log_keys`: plain writes item keys to the log, hashed their SHA-256.
    - `metric_namespace`: CloudWatch namespace of the function's metrics.
    - `reserved_concurrency`: invocations at once that this function alone may use; null for the account's common pool. Lambda refuses a number that would leave the account's common pool under its least (100; accounts with a small quota, as new ones have, may have none to spare).
    - `environment_kms_key_arn`: KMS key of the environment variables; null for a key that AWS manages.
    - `vpc`: subnets and security groups for a collection that is reached by VPC endpoints alone; DynamoDB and SQS must be reachable from there too. null: no VPC.
  EOT
  type = object({
    name                    = optional(string)
    runtime                 = optional(string, "python3.12")
    architecture            = optional(string, "arm64")
    memory_size             = optional(number, 512)
    timeout                 = optional(number, 300)
    max_clock_skew_seconds  = optional(number, 10)
    log_keys                = optional(string, "plain")
    metric_namespace        = optional(string, "searchsync")
    reserved_concurrency    = optional(number)
    environment_kms_key_arn = optional(string)
    vpc                     = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.function.name == null ? true : can(regex("^[A-Za-z0-9_-]{1,47}$", var.function.name))
    error_message = "function.name is ${jsonencode(var.function.name)}: use 1 to 47 letters, digits, hyphens and underscores (EventBridge takes 64, and the rule of the scheduled verification has `-reconcile-verify` behind it)."
  }
  validation {
    condition     = contains(["python3.12", "python3.13", "python3.14"], var.function.runtime)
    error_message = "function.runtime is ${jsonencode(var.function.runtime)}: use python3.12, python3.13 or python3.14."
  }
  validation {
    condition     = contains(["arm64", "x86_64"], var.function.architecture)
    error_message = "function.architecture is ${jsonencode(var.function.architecture)}: use arm64 or x86_64."
  }
  validation {
    condition     = var.function.memory_size >= 128 && var.function.memory_size <= 10240 && floor(var.function.memory_size) == var.function.memory_size
    error_message = "function.memory_size is ${var.function.memory_size}: give whole MB from 128 to 10240."
  }
  validation {
    condition     = var.function.max_clock_skew_seconds >= 5 && var.function.max_clock_skew_seconds <= 300 && floor(var.function.max_clock_skew_seconds) == var.function.max_clock_skew_seconds
    error_message = "function.max_clock_skew_seconds is ${var.function.max_clock_skew_seconds}: give whole seconds from 5 to 300."
  }
  validation {
    # A resync waits up to 2 skew bounds (a record's second may be one ahead), then has 55 s from the read
    # to the engine's answer; 35 s are left for the batch's own write. The default fits three of them.
    condition     = var.function.timeout >= 90 + 2 * var.function.max_clock_skew_seconds && var.function.timeout <= 900 && floor(var.function.timeout) == var.function.timeout
    error_message = "function.timeout is ${var.function.timeout}: give whole seconds from ${90 + 2 * var.function.max_clock_skew_seconds} (90 + 2 * max_clock_skew_seconds, so that one resync fits) to 900."
  }
  validation {
    condition     = contains(["hashed", "plain"], var.function.log_keys)
    error_message = "function.log_keys is ${jsonencode(var.function.log_keys)}: use plain or hashed."
  }
  validation {
    condition     = can(regex("^[A-Za-z0-9_./#-][A-Za-z0-9_./# -]{0,254}$", var.function.metric_namespace)) && !startswith(var.function.metric_namespace, "AWS/")
    error_message = "function.metric_namespace is ${jsonencode(var.function.metric_namespace)}: use 1 to 255 letters, digits and . - _ / # that do not begin with AWS/."
  }
  validation {
    condition     = var.function.reserved_concurrency == null ? true : var.function.reserved_concurrency >= 1 && floor(var.function.reserved_concurrency) == var.function.reserved_concurrency
    error_message = "function.reserved_concurrency is ${jsonencode(var.function.reserved_concurrency)}: give a whole number from 1, or null. To stop the pipeline set trigger.enabled = false."
  }
  validation {
    condition     = var.function.environment_kms_key_arn == null ? true : can(regex(local.patterns.kms_key_arn, var.function.environment_kms_key_arn))
    error_message = "function.environment_kms_key_arn is ${jsonencode(var.function.environment_kms_key_arn)}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias."
  }
  validation {
    condition     = var.function.vpc == null ? true : contains(range(1, 17), length(var.function.vpc.subnet_ids)) && contains(range(1, 6), length(var.function.vpc.security_group_ids))
    error_message = "function.vpc is ${jsonencode(var.function.vpc)}: give 1 to 16 subnets and 1 to 5 security groups, or null."
  }
  validation {
    # As Lambda's model has them (`SubnetId`, `SecurityGroupId`).
    condition     = var.function.vpc == null ? true : alltrue([for id in var.function.vpc.subnet_ids : can(regex("^subnet-[0-9a-z]+$", id))]) && alltrue([for id in var.function.vpc.security_group_ids : can(regex("^sg-[0-9a-zA-Z]+$", id))])
    error_message = "function.vpc is ${jsonencode(var.function.vpc)}: give ids, not names or ARNs, of subnets (subnet-…) in subnet_ids and of security groups (sg-…) in security_group_ids."
  }
}

variable "package" {
  description = <<-EOT
    The function's code. Give a file, or all four of an S3 object; without either `dist/searchsync.zip` of this module is taken, which a release's tag has and `make package` makes.
    - `file`: path of a zip that build.py made; the JSON that it wrote must lie beside it.
    - `s3_bucket`: bucket of the zip, in the function's region.
    - `s3_key`: key of the zip.
    - `s3_object_version`: its version, so that a new zip is a change that Terraform sees.
    - `facts`: path of the JSON that build.py wrote beside this very zip, for an S3 object: the plan compares it with the module's own files.
  EOT
  type = object({
    file              = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    facts             = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition = contains(
      var.package.file == null ? [0, 4] : [0],
      length([for value in [var.package.s3_bucket, var.package.s3_key, var.package.s3_object_version, var.package.facts] : true if value != null])
    )
    error_message = "package is ${jsonencode(var.package)}: give file alone, or s3_bucket, s3_key, s3_object_version and facts together, or nothing for dist/searchsync.zip."
  }
  validation {
    condition     = var.package.file == null ? true : endswith(var.package.file, ".zip")
    error_message = "package.file is ${jsonencode(var.package.file)}: give the path of a .zip that `make package` made."
  }
  validation {
    # As Lambda's model has them (`S3Bucket`, `S3Key`, `S3ObjectVersion`).
    condition     = var.package.s3_bucket == null ? true : can(regex("^[0-9A-Za-z._-]{2,62}[0-9A-Za-z_-]$", var.package.s3_bucket))
    error_message = "package.s3_bucket is ${jsonencode(var.package.s3_bucket)}: give the bucket's name of 3 to 63 characters, not its ARN or URL."
  }
  validation {
    condition     = alltrue([for text in [var.package.s3_key, var.package.s3_object_version] : length(text) >= 1 && length(text) <= 1024 if text != null]) && !startswith(coalesce(var.package.s3_key, "-"), "s3://")
    error_message = "package.s3_key and package.s3_object_version are ${jsonencode([var.package.s3_key, var.package.s3_object_version])}: give the object's key in its bucket, not its URL, and its version id, each of 1 to 1024 characters."
  }
}

variable "log_group" {
  description = <<-EOT
    The function's log group. The redrive function's, `/aws/lambda/` and its name, has the same retention and key.
    - `name`: log group name; null takes `/aws/lambda/` and the function's name.
    - `retention_days`: days that log lines are kept, one of CloudWatch's values.
    - `kms_key_arn`: KMS key of the log group, whose key policy must admit CloudWatch Logs; null for CloudWatch's own.
  EOT
  type = object({
    name           = optional(string)
    retention_days = optional(number, 30)
    kms_key_arn    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    # CloudWatch Logs API reference, CreateLogGroup.
    condition     = var.log_group.name == null ? true : can(regex("^[A-Za-z0-9_/.#-]{1,512}$", var.log_group.name)) && !startswith(var.log_group.name, "aws/")
    error_message = "log_group.name is ${jsonencode(var.log_group.name)}: use 1 to 512 letters, digits and _ - / . # that do not begin with aws/ (/aws/ is allowed)."
  }
  validation {
    # Not 0 (for ever): a log that nobody ends is a cost that nobody sees.
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_group.retention_days)
    error_message = "log_group.retention_days is ${var.log_group.retention_days}: use a number of days that CloudWatch takes, like 7, 30, 90, 365 or 3653."
  }
  validation {
    condition     = var.log_group.kms_key_arn == null ? true : can(regex(local.patterns.kms_key_arn, var.log_group.kms_key_arn))
    error_message = "log_group.kms_key_arn is ${jsonencode(var.log_group.kms_key_arn)}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias."
  }
}

################################################################################
# Trigger
################################################################################

variable "trigger" {
  description = <<-EOT
    The event source mapping between stream and function.
    - `enabled`: false stops the pipeline; the stream keeps changes for 24 hours.
    - `starting_position`: TRIM_HORIZON, or LATEST, which can miss changes while the mapping is created or updated. Another value replaces the trigger.
    - `batch_size`: records of one invocation at most, from 1 to 10000.
    - `maximum_batching_window_seconds`: how long to wait for a full batch, from 0 to 300.
    - `parallelization_factor`: invocations at once per shard, from 1 to 10; the order of each item's changes stays.
    - `maximum_record_age_seconds`: older records go to the on-failure destination, from 60 to 604800, or -1 for never. The default is 22 hours: before the stream itself drops them at 24.
    - `maximum_retry_attempts`: retries of a failed batch, from 0 to 10000, or -1 for as long as the records live. A limit drops good records when the collection is down.
    - `bisect_batch_on_function_error`: halve a batch that failed as a whole, so that one record cannot hold up the others.
    - `on_failure_bucket`: ARN of an S3 bucket, and its KMS key if it has one, for dropped records; null sends their range to the failure queue.
  EOT
  type = object({
    enabled                         = optional(bool, true)
    starting_position               = optional(string, "TRIM_HORIZON")
    batch_size                      = optional(number, 500)
    maximum_batching_window_seconds = optional(number, 1)
    parallelization_factor          = optional(number, 1)
    maximum_record_age_seconds      = optional(number, 79200)
    maximum_retry_attempts          = optional(number, -1)
    bisect_batch_on_function_error  = optional(bool, true)
    on_failure_bucket               = optional(object({ arn = string, kms_key_arn = optional(string) }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["LATEST", "TRIM_HORIZON"], var.trigger.starting_position)
    error_message = "trigger.starting_position is ${jsonencode(var.trigger.starting_position)}: use TRIM_HORIZON or LATEST."
  }
  validation {
    condition     = var.trigger.batch_size >= 1 && var.trigger.batch_size <= 10000 && floor(var.trigger.batch_size) == var.trigger.batch_size
    error_message = "trigger.batch_size is ${var.trigger.batch_size}: give a whole number from 1 to 10000."
  }
  validation {
    condition     = var.trigger.maximum_batching_window_seconds >= 0 && var.trigger.maximum_batching_window_seconds <= 300 && floor(var.trigger.maximum_batching_window_seconds) == var.trigger.maximum_batching_window_seconds
    error_message = "trigger.maximum_batching_window_seconds is ${var.trigger.maximum_batching_window_seconds}: give whole seconds from 0 to 300."
  }
  validation {
    condition     = var.trigger.parallelization_factor >= 1 && var.trigger.parallelization_factor <= 10 && floor(var.trigger.parallelization_factor) == var.trigger.parallelization_factor
    error_message = "trigger.parallelization_factor is ${var.trigger.parallelization_factor}: give a whole number from 1 to 10."
  }
  validation {
    condition     = var.trigger.maximum_record_age_seconds == -1 || var.trigger.maximum_record_age_seconds >= 60 && var.trigger.maximum_record_age_seconds <= 604800 && floor(var.trigger.maximum_record_age_seconds) == var.trigger.maximum_record_age_seconds
    error_message = "trigger.maximum_record_age_seconds is ${var.trigger.maximum_record_age_seconds}: give whole seconds from 60 to 604800, or -1 for never."
  }
  validation {
    condition     = var.trigger.maximum_retry_attempts >= -1 && var.trigger.maximum_retry_attempts <= 10000 && floor(var.trigger.maximum_retry_attempts) == var.trigger.maximum_retry_attempts
    error_message = "trigger.maximum_retry_attempts is ${var.trigger.maximum_retry_attempts}: give a whole number from 0 to 10000, or -1 for as long as the records live."
  }
  validation {
    condition     = var.trigger.on_failure_bucket == null ? true : can(regex(local.patterns.bucket_arn, var.trigger.on_failure_bucket.arn))
    error_message = "trigger.on_failure_bucket.arn is ${jsonencode(try(var.trigger.on_failure_bucket.arn, null))}: give a bucket's ARN (arn:aws:s3:::<bucket>), or leave on_failure_bucket out for the failure queue."
  }
  validation {
    condition     = try(var.trigger.on_failure_bucket.kms_key_arn, null) == null ? true : can(regex(local.patterns.kms_key_arn, var.trigger.on_failure_bucket.kms_key_arn))
    error_message = "trigger.on_failure_bucket.kms_key_arn is ${jsonencode(try(var.trigger.on_failure_bucket.kms_key_arn, null))}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias."
  }
}

################################################################################
# Failure queue
################################################################################

variable "failure_queue" {
  description = <<-EOT
    The queue of records that can never be written, kept 14 days.
    - `name`: queue name; null takes `name` with `-failures` behind it. Another name replaces the queue, with its messages.
    - `visibility_timeout_seconds`: how long a message stays hidden while somebody redrives it: at least `function.timeout`, at most 43200.
    - `kms_key_arn`: KMS key of the queue; null for SQS's own encryption.
  EOT
  type = object({
    name                       = optional(string)
    visibility_timeout_seconds = optional(number, 900)
    kms_key_arn                = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    # A FIFO queue is no on-failure destination, so `.fifo` is refused with the point.
    condition     = var.failure_queue.name == null ? true : can(regex("^[A-Za-z0-9_-]{1,80}$", var.failure_queue.name))
    error_message = "failure_queue.name is ${jsonencode(var.failure_queue.name)}: use 1 to 80 letters, digits, hyphens and underscores."
  }
  validation {
    condition     = var.failure_queue.visibility_timeout_seconds >= var.function.timeout && var.failure_queue.visibility_timeout_seconds <= 43200 && floor(var.failure_queue.visibility_timeout_seconds) == var.failure_queue.visibility_timeout_seconds
    error_message = "failure_queue.visibility_timeout_seconds is ${var.failure_queue.visibility_timeout_seconds}: give whole seconds from ${var.function.timeout} (function.timeout) to 43200."
  }
  validation {
    condition     = var.failure_queue.kms_key_arn == null ? true : can(regex(local.patterns.kms_key_arn, var.failure_queue.kms_key_arn))
    error_message = "failure_queue.kms_key_arn is ${jsonencode(var.failure_queue.kms_key_arn)}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias."
  }
}

################################################################################
# Redrive
################################################################################

variable "redrive" {
  description = <<-EOT
    The redrive function, which takes up the failure queue's messages. Its name is the function's with `-redrive` behind it; package, role and settings are the function's too.
    - `schedule_expression`: when it runs by itself, like `rate(1 hour)` or `cron(0 6 * * ? *)` (UTC); null: by hand only. With an empty queue it leaves a NextGen collection asleep; a message that stays in the queue wakes it each time.
  EOT
  type = object({
    schedule_expression = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.redrive.schedule_expression == null ? true : can(regex(local.patterns.schedule, var.redrive.schedule_expression))
    error_message = "redrive.schedule_expression is ${jsonencode(var.redrive.schedule_expression)}: give rate(<number> minutes|hours|days), with the singular for 1, or cron(<minutes> <hours> <day of month> <month> <day of week> <year>) with ? for one of the two days, or null."
  }
}

################################################################################
# Role
################################################################################

variable "role" {
  description = <<-EOT
    The function's role and its inline policies. Path and boundary are those of the run's roles too, with `existing_role` as well.
    - `name`: role name; null takes `name` with `-role` behind it. Another name replaces the role.
    - `path`: path of every role that the module makes. Another path replaces the roles.
    - `permissions_boundary_arn`: policy that bounds what every role that the module makes may do; null for none.
    - `policy_names`: names of the inline policies `stream`, `collection`, `table`, `failures` and `function`; null takes `name` with the policy's key behind it.
  EOT
  type = object({
    name                     = optional(string)
    path                     = optional(string)
    permissions_boundary_arn = optional(string)
    policy_names = optional(object({
      stream     = optional(string)
      collection = optional(string)
      table      = optional(string)
      failures   = optional(string)
      function   = optional(string)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.role.name == null ? true : can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.role.name))
    error_message = "role.name is ${jsonencode(var.role.name)}: use 1 to 64 letters, digits and _ + = , . @ -."
  }
  validation {
    condition     = var.role.path == null ? true : can(regex("^/([!-~]+/)?$", var.role.path)) && length(var.role.path) <= 512
    error_message = "role.path is ${jsonencode(var.role.path)}: begin and end it with a slash, like /service/, in 512 characters at most."
  }
  validation {
    condition     = var.role.permissions_boundary_arn == null ? true : can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}$", var.role.permissions_boundary_arn))
    error_message = "role.permissions_boundary_arn is ${jsonencode(var.role.permissions_boundary_arn)}: give the managed policy's ARN (arn:aws:iam::<account>:policy/<path><name>), not its name."
  }
  validation {
    condition     = alltrue([for name in values(var.role.policy_names) : can(regex("^[A-Za-z0-9_+=,.@-]{1,128}$", name)) if name != null])
    error_message = "role.policy_names is ${jsonencode(var.role.policy_names)}: use 1 to 128 letters, digits and _ + = , . @ - for each."
  }
  validation {
    condition     = length(distinct([for key, name in var.role.policy_names : coalesce(name, "${var.name}-${key}")])) == length(var.role.policy_names)
    error_message = "role.policy_names is ${jsonencode({ for key, name in var.role.policy_names : key => coalesce(name, "${var.name}-${key}") })}, defaults included: give each policy a name of its own; the same name would overwrite it."
  }
}

variable "existing_role" {
  description = <<-EOT
    A role made elsewhere, which lambda.amazonaws.com may assume; the inline policies are put on it. null: a role is created.
    - `arn`: the role's ARN. It may be made in the same stack: the module does not look it up.
  EOT
  type        = object({ arn = string })
  default     = null

  validation {
    condition     = var.existing_role == null ? true : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$", var.existing_role.arn))
    error_message = "existing_role.arn is ${jsonencode(try(var.existing_role.arn, null))}: give the role's ARN (arn:aws:iam::<account>:role/<path><name>), not its name."
  }
  validation {
    condition     = var.existing_role == null ? true : var.role.name == null
    error_message = "existing_role is given together with role.name ${jsonencode(var.role.name)}: leave out existing_role to create a role of this name, or leave out the name."
  }
}

################################################################################
# Alarms
################################################################################

variable "alarms" {
  description = <<-EOT
    Nine CloudWatch alarms ($1.10 a month), and a tenth with `reconciliation.rolling`; each of `views` adds four of its own ($0.50), a fifth with it: failure messages, a late or unread stream, errors of either function, repair needed (by either function), drift, a failed run.
    - `enabled`: create them.
    - `name_prefix`: prefix of their names; null takes `name`.
    - `actions`: ARNs that are told of an alarm and of its end, like an SNS topic.
    - `failure_age_seconds`: how long failure messages wait before the alarm is raised, in steps of five minutes, from 300; with `failure_queue.visibility_timeout_seconds` at most 85800, a day.
    - `iterator_age_seconds`: how late the stream may be read, from 120 and the trigger's batching window to 86400. With less the waking of a NextGen collection would raise the alarm.
  EOT
  type = object({
    enabled              = optional(bool, true)
    name_prefix          = optional(string)
    actions              = optional(list(string), [])
    failure_age_seconds  = optional(number, 300)
    iterator_age_seconds = optional(number, 3600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.name_prefix == null ? true : can(regex("^[!-~]{1,200}$", var.alarms.name_prefix))
    error_message = "alarms.name_prefix is ${jsonencode(var.alarms.name_prefix)}: use 1 to 200 characters without spaces."
  }
  validation {
    condition     = alltrue([for arn in var.alarms.actions : can(regex("^arn:[^:]+:[^:]+:.*$", arn))]) && length(var.alarms.actions) <= 5 && alltrue([for arn in var.alarms.actions : length(arn) <= 1024])
    error_message = "alarms.actions is ${jsonencode(var.alarms.actions)}: give at most five ARNs of at most 1024 characters, like that of an SNS topic."
  }
  validation {
    condition     = var.alarms.failure_age_seconds >= 300 && var.alarms.failure_age_seconds + var.failure_queue.visibility_timeout_seconds <= 85800
    error_message = "alarms.failure_age_seconds is ${var.alarms.failure_age_seconds}: give seconds from 300 to ${85800 - var.failure_queue.visibility_timeout_seconds} (with failure_queue.visibility_timeout_seconds a day, the longest that an alarm looks back)."
  }
  validation {
    # A first record may be delivered three times before both parts of a sleeping collection have woken.
    condition     = var.alarms.iterator_age_seconds >= 120 + var.trigger.maximum_batching_window_seconds && var.alarms.iterator_age_seconds <= 86400
    error_message = "alarms.iterator_age_seconds is ${var.alarms.iterator_age_seconds}: give seconds from ${120 + var.trigger.maximum_batching_window_seconds} (120 + trigger.maximum_batching_window_seconds) to 86400 (24 hours, when the stream drops records)."
  }
}

################################################################################
# Dashboard
################################################################################

variable "dashboard" {
  description = <<-EOT
    A CloudWatch dashboard ($3 a month): lag, throughput, errors, the failure queue, runs, what costs, and the alarms with their thresholds.
    - `enabled`: create it.
    - `name`: its name; null takes `name`. Another name replaces the dashboard. A dashboard is the account's, of no region: a name that another stack's dashboard has, wherever it is, overwrites that one at each apply.
  EOT
  type = object({
    enabled = optional(bool, false)
    name    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.dashboard.name == null ? true : can(regex("^[A-Za-z0-9_-]{1,255}$", var.dashboard.name))
    error_message = "dashboard.name is ${jsonencode(var.dashboard.name)}: use 1 to 255 letters, digits, hyphens and underscores."
  }
}

################################################################################
# Reconciliation
################################################################################

variable "reconciliation" {
  description = <<-EOT
    Reconciliation of the whole table: backfill, verify, repair, by a state machine that costs nothing while it rests.
    - `concurrency`: parts of the table that are scanned at once, from 1 to 100.
    - `read_units_per_second`: read units that a run may use, all parts together; null for a quarter of what a table of provisioned capacity (or with a maximum on demand) has at the time, and no limit where it has none.
    - `recheck_delay_seconds`: how long after a first look a disagreement is looked at again, from 5 to 120; longer by itself while the pipeline is late. Below 15 a change that no search shows yet may be taken for a difference.
    - `memory_size`: MB of the reconcile function, from 256 to 10240. More memory is more processor too. With less than 640 items of very many small members may not fit.
    - `report_bucket`: ARN of an S3 bucket, and its KMS key if it has one, for the differences that are found; null writes them to the reconcile function's log.
    - `export_bucket`: ARN of the S3 bucket, and its KMS key if it has one, with exports of the table to load from; null for none.
    - `verify_schedule_expression`: when to verify by itself, like `rate(1 day)` or `cron(0 3 * * ? *)`; null for by hand only. Each verification wakes a NextGen collection, which is then paid for while it lasts and ten minutes more.
    - `rolling`: compare table and index part by part, for ever; null for not. `period_hours`: each part is begun again within so many, from 0.1 to 2160 (90 days); `every_minutes`: how often the reconcile function looks for a part that is due, from 1 to 1440 and a quarter of the period at most; a table of over 300 million items of 1 KB needs 15. `read_units_per_second`: read units that it may use, null for one of a run's parts' share. Each part wakes a NextGen collection. It gives way to a run, and finds what the index lacks or has otherwise within the period, a document without an item within two.
  EOT
  type = object({
    concurrency                = optional(number, 4)
    read_units_per_second      = optional(number)
    recheck_delay_seconds      = optional(number, 30)
    memory_size                = optional(number, 1024)
    report_bucket              = optional(object({ arn = string, kms_key_arn = optional(string) }))
    export_bucket              = optional(object({ arn = string, kms_key_arn = optional(string) }))
    verify_schedule_expression = optional(string)
    rolling = optional(object({
      period_hours          = optional(number, 720)
      every_minutes         = optional(number, 60)
      read_units_per_second = optional(number)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.reconciliation.concurrency >= 1 && var.reconciliation.concurrency <= 100 && floor(var.reconciliation.concurrency) == var.reconciliation.concurrency
    error_message = "reconciliation.concurrency is ${var.reconciliation.concurrency}: give a whole number from 1 to 100."
  }
  validation {
    condition     = var.reconciliation.read_units_per_second == null ? true : var.reconciliation.read_units_per_second > 0
    error_message = "reconciliation.read_units_per_second is ${jsonencode(var.reconciliation.read_units_per_second)}: give a number over 0, or null for a quarter of what the table has."
  }
  validation {
    condition     = var.reconciliation.recheck_delay_seconds >= 5 && var.reconciliation.recheck_delay_seconds <= 120
    error_message = "reconciliation.recheck_delay_seconds is ${var.reconciliation.recheck_delay_seconds}: give seconds from 5 to 120."
  }
  validation {
    condition     = var.reconciliation.memory_size >= 256 && var.reconciliation.memory_size <= 10240 && floor(var.reconciliation.memory_size) == var.reconciliation.memory_size
    error_message = "reconciliation.memory_size is ${var.reconciliation.memory_size}: give whole MB from 256 to 10240."
  }
  validation {
    condition     = alltrue([for bucket in [var.reconciliation.report_bucket, var.reconciliation.export_bucket] : can(regex(local.patterns.bucket_arn, bucket.arn)) if bucket != null])
    error_message = "reconciliation.report_bucket or reconciliation.export_bucket is ${jsonencode([for bucket in [var.reconciliation.report_bucket, var.reconciliation.export_bucket] : bucket.arn if bucket != null])}: give the bucket's ARN (arn:aws:s3:::<bucket>), without a key."
  }
  validation {
    condition     = alltrue([for arn in [try(var.reconciliation.report_bucket.kms_key_arn, null), try(var.reconciliation.export_bucket.kms_key_arn, null)] : can(regex(local.patterns.kms_key_arn, arn)) if arn != null])
    error_message = "reconciliation.report_bucket.kms_key_arn or reconciliation.export_bucket.kms_key_arn is ${jsonencode([for arn in [try(var.reconciliation.report_bucket.kms_key_arn, null), try(var.reconciliation.export_bucket.kms_key_arn, null)] : arn if arn != null])}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias."
  }
  validation {
    condition     = var.reconciliation.verify_schedule_expression == null ? true : can(regex(local.patterns.schedule, var.reconciliation.verify_schedule_expression))
    error_message = "reconciliation.verify_schedule_expression is ${jsonencode(var.reconciliation.verify_schedule_expression)}: give rate(<number> minutes|hours|days), with the singular for 1, or cron(<minutes> <hours> <day of month> <month> <day of week> <year>) with ? for one of the two days, or null."
  }
  validation {
    condition     = try(var.reconciliation.rolling.period_hours >= 0.1 && var.reconciliation.rolling.period_hours <= 2160, var.reconciliation.rolling == null)
    error_message = "reconciliation.rolling.period_hours is ${jsonencode(try(var.reconciliation.rolling.period_hours, null))}: give hours from 0.1 to 2160 (90 days)."
  }
  validation {
    condition     = try(var.reconciliation.rolling.every_minutes >= 1 && var.reconciliation.rolling.every_minutes <= min(1440, var.reconciliation.rolling.period_hours * 15) && floor(var.reconciliation.rolling.every_minutes) == var.reconciliation.rolling.every_minutes, var.reconciliation.rolling == null)
    error_message = "reconciliation.rolling.every_minutes is ${jsonencode(try(var.reconciliation.rolling.every_minutes, null))}: give whole minutes from 1 to ${try(min(1440, floor(var.reconciliation.rolling.period_hours * 15)), 1440)}, a quarter of period_hours and a day at most."
  }
  validation {
    condition     = try(var.reconciliation.rolling.read_units_per_second > 0, try(var.reconciliation.rolling.read_units_per_second, null) == null)
    error_message = "reconciliation.rolling.read_units_per_second is ${jsonencode(try(var.reconciliation.rolling.read_units_per_second, null))}: give a number over 0, or null for the share of one of a run's parts."
  }
}
