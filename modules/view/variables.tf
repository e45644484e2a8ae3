################################################################################
# Common
################################################################################

variable "label" {
  description = "What stands before `index` and `document` in messages: nothing for the first view, `views[\"<name>\"].` for another."
  type        = string
  default     = ""
  nullable    = false
}

variable "key_attributes" {
  description = "Names of the table's key attributes."
  type        = list(string)
  nullable    = false
}

################################################################################
# Index
################################################################################

variable "index" {
  description = "The index that the documents go to: the root module's `index`."
  type = object({
    name     = optional(string)
    adopt    = optional(string)
    mapping  = optional(string)
    settings = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.index.name == null ? true : can(regex("^[a-z0-9][a-z0-9._-]{0,254}$", var.index.name))
    error_message = "${var.label}index.name is ${jsonencode(var.index.name)}: use up to 255 lower case letters, digits, points, hyphens and underscores, beginning with a letter or digit."
  }
  validation {
    condition     = var.index.adopt == null ? true : can(regex("^(nobody|[A-Za-z0-9_-]{1,64} arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255})$", var.index.adopt))
    error_message = "${var.label}index.adopt is ${jsonencode(var.index.adopt)}: give \"nobody\" for an index that no stack has marked, or the owner as the function's refusal names it, \"<function name> <table ARN>\"."
  }
  validation {
    condition     = var.index.mapping == null ? true : can(keys(jsondecode(var.index.mapping))) && !contains(try(keys(jsondecode(var.index.mapping)), []), "mappings")
    error_message = "${var.label}index.mapping is not a JSON object that stands below `mappings`: give it like jsonencode({ properties = { name = { type = \"text\" } } })."
  }
  validation {
    condition     = var.index.mapping == null ? true : !anytrue([for name in try(keys(jsondecode(var.index.mapping).properties), []) : split(".", name)[0] == "searchsync_key"])
    error_message = "${var.label}index.mapping has a property searchsync_key: each document has a field of that name, by which the index is scanned. Take the property out, and rename the attribute in the table."
  }
  validation {
    condition     = var.index.mapping == null ? true : tostring(try(jsondecode(var.index.mapping).enabled, true)) != "false"
    error_message = "${var.label}index.mapping has `enabled` false at its top, so that nothing of the index could be found, and no run could compare it. Use `dynamic` false instead."
  }
  validation {
    condition     = length(setsubtract(keys(try(merge(jsondecode(var.index.mapping), {}), {})), local.mapping_members)) == 0
    error_message = "${var.label}index.mapping has ${jsonencode(setsubtract(keys(try(merge(jsondecode(var.index.mapping), {}), {})), local.mapping_members))} at its top, and a mapping has no such member: it is what stands below `mappings`, with the fields below `properties`. What stands below `settings` goes to ${var.label}index.settings."
  }
  validation {
    condition     = length(setsubtract(flatten(regexall(local.type_of_a_field, replace(jsonencode(try(merge(jsondecode(var.index.mapping), {}), {})), local.no_field_type, local.nothing))), local.field_types)) == 0
    error_message = "${var.label}index.mapping has a field of the type ${jsonencode(setsubtract(flatten(regexall(local.type_of_a_field, replace(jsonencode(try(merge(jsondecode(var.index.mapping), {}), {})), local.no_field_type, local.nothing))), local.field_types))}, which OpenSearch does not have: give a type of its documentation, such as keyword, text, double or date."
  }
  validation {
    condition     = contains(["true", "false", "strict", "strict_allow_templates", "false_allow_templates"], tostring(try(jsondecode(var.index.mapping).dynamic, true)))
    error_message = "${var.label}index.mapping has `dynamic` ${jsonencode(try(jsondecode(var.index.mapping).dynamic, null))}: give true, false or strict."
  }
  validation {
    condition     = tostring(try(jsondecode(var.index.mapping)._source.enabled, true)) != "false" && !can(jsondecode(var.index.mapping)._source.includes) && !can(jsondecode(var.index.mapping)._source.excludes)
    error_message = "${var.label}index.mapping keeps not all of a document (`_source`), so that none could be compared with its item. Take `_source` out of the mapping."
  }
  validation {
    condition     = tostring(try(jsondecode(var.index.mapping)._routing.required, false)) != "true"
    error_message = "${var.label}index.mapping wants a routing (`_routing.required`), and documents are written without one, so that each would be refused. Take `_routing` out of the mapping."
  }
  validation {
    condition     = var.index.settings == null ? true : can(keys(jsondecode(var.index.settings)))
    error_message = "${var.label}index.settings is not a JSON object that stands below `settings`: give it like jsonencode({ analysis = { analyzer = { … } } })."
  }
  validation {
    condition     = length(setintersection([for name in keys(try(merge(jsondecode(var.index.settings), try(jsondecode(var.index.settings).index, {})), {})) : split(".", trimprefix(name, "index."))[0]], local.no_index_settings)) == 0
    error_message = "${var.label}index.settings has ${jsonencode(keys(try(merge(jsondecode(var.index.settings), try(jsondecode(var.index.settings).index, {})), {})))}, and items could not be kept in step with one of ${jsonencode(local.no_index_settings)}: take it out. It is what stands below `settings`."
  }
  validation {
    # All environment variables together have 4 KB; the others take less than 1 KB.
    condition     = length(var.index.mapping == null ? "" : base64gzip(var.index.mapping)) + length(var.index.settings == null ? "" : base64gzip(var.index.settings)) <= 3000
    error_message = "${var.label}index.mapping and ${var.label}index.settings have ${length(base64gzip(coalesce(var.index.mapping, "{}"))) + length(base64gzip(coalesce(var.index.settings, "{}")))} bytes when compressed: at most 3000 fit into the function's environment. Shorten the mapping with dynamic_templates, or make the index by hand and set ${var.label}index.adopt = \"nobody\"."
  }
}

################################################################################
# Document
################################################################################

variable "document" {
  description = "Which items have a document, and what of them is in it: the root module's `document`."
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

  validation {
    condition     = var.document.when == null ? true : try(length(keys(jsondecode(var.document.when))) > 0, false) && try(length(var.document.when) <= 4096, false)
    error_message = "${var.label}document.when is no JSON object with names in it, or has over 4096 characters: write it with jsonencode, such as jsonencode({ status = [\"open\"] })."
  }
  validation {
    # By the text without its strings, which may hold brackets.
    condition     = var.document.when == null ? true : !can(regex("\\[\\]|\\{\\}", replace(jsonencode(jsondecode(var.document.when)), "/${local.json_text}/", "\"\"")))
    error_message = "${var.label}document.when has an empty list or object, which matches nothing: give each name values, operators or names of its own."
  }
  validation {
    # A name has a list or an object, an operator may have a plain value. Where no `$or` is, an object in a list is an operator.
    condition = var.document.when == null ? true : alltrue([
      for each in try(regexall(local.json_name, jsonencode(jsondecode(var.document.when))), []) : contains(local.pattern_operators, each[1])
      if each[2] != null || (each[0] != null && !strcontains(coalesce(var.document.when, "{}"), "\"$or\""))
    ])
    error_message = "${var.label}document.when has a value that stands in no list, or an operator that there is not, at ${jsonencode([
      for each in try(regexall(local.json_name, jsonencode(jsondecode(var.document.when))), []) : each[1]
      if !contains(local.pattern_operators, each[1]) && (each[2] != null || (each[0] != null && !strcontains(coalesce(var.document.when, "{}"), "\"$or\"")))
    ])}: write status = [\"open\"], and of operators ${join(", ", local.pattern_operators)}."
  }
  validation {
    condition     = var.document.include == null ? true : length(var.document.include) > 0
    error_message = "${var.label}document.include is empty, so that documents would have keys alone: leave it out for all attributes, or give paths."
  }
  validation {
    condition     = alltrue([for path in concat(coalesce(var.document.include, []), var.document.exclude, keys(var.document.rename)) : can(regex(local.path, path))])
    error_message = "${var.label}document has the paths ${jsonencode([for path in concat(coalesce(var.document.include, []), var.document.exclude, keys(var.document.rename)) : path if !can(regex(local.path, path))])}: give names with single dots between them, and write \\. for a dot in a name."
  }
  validation {
    # By whole names: `a` covers `a.b`, not `ab`.
    condition     = var.document.include == null ? true : alltrue([for path in var.document.exclude : anytrue([for each in var.document.include : startswith("${path}.", "${each}.") || startswith("${each}.", "${path}.")])])
    error_message = "${var.label}document.exclude has ${jsonencode([for path in var.document.exclude : path if !anytrue([for each in coalesce(var.document.include, []) : startswith("${path}.", "${each}.") || startswith("${each}.", "${path}.")])])}, of which ${var.label}document.include has nothing: take them out."
  }
  validation {
    condition     = can(keys(var.document.constants)) && try(alltrue([for value in values(var.document.constants) : tostring(value) != null]), false)
    error_message = "${var.label}document.constants is ${jsonencode(var.document.constants)}: write an object of texts, numbers and booleans, such as ${var.label == "" ? "" : "jsonencode("}{ tenant = \"eu\", rank = 1, live = true }${var.label == "" ? "" : ")"}."
  }
  validation {
    condition = length(concat(
      [for path, name in var.document.rename : name if !can(regex(local.new_name, name)) || (can(regex(local.kept_name, name)) && replace(path, local.path_before, "$1") == "")],
      [for name in try(keys(var.document.constants), []) : name if !can(regex(local.new_name, name)) || can(regex(local.kept_name, name))],
    )) == 0
    error_message = "${var.label}document.rename or ${var.label}document.constants gives the names ${jsonencode(concat(
      [for path, name in var.document.rename : name if !can(regex(local.new_name, name)) || (can(regex(local.kept_name, name)) && replace(path, local.path_before, "$1") == "")],
      [for name in try(keys(var.document.constants), []) : name if !can(regex(local.new_name, name)) || can(regex(local.kept_name, name))],
    ))}. A name is not empty, and has no dot, which would be a path to the engine; at the top it is none that the engine or searchsync keeps for itself (docs/documents.md). Choose others."
  }
  validation {
    condition = length([for path in keys(var.document.rename) : path if
      anytrue([for each in var.document.exclude : startswith("${path}.", "${each}.")]) ||
      (var.document.include == null ? false : !anytrue([for each in coalesce(var.document.include, []) : startswith("${path}.", "${each}.") || startswith("${each}.", "${path}.")]))
    ]) == 0
    error_message = "${var.label}document.rename has ${jsonencode([for path in keys(var.document.rename) : path if
      anytrue([for each in var.document.exclude : startswith("${path}.", "${each}.")]) ||
      (var.document.include == null ? false : !anytrue([for each in coalesce(var.document.include, []) : startswith("${path}.", "${each}.") || startswith("${each}.", "${path}.")]))
    ])}, which ${var.label}document.exclude leaves out, or of which ${var.label}document.include has nothing: take them out."
  }
  validation {
    condition     = var.document.keep_expired == null ? true : length(var.document.keep_expired) >= 1 && length(var.document.keep_expired) <= 255
    error_message = "${var.label}document.keep_expired is ${jsonencode(var.document.keep_expired)}: give the name of the table's TTL attribute, of 1 to 255 characters, or leave it out."
  }
}
