################################################################################
# Document
################################################################################

locals {
  # null for all attributes of all items: then there is no variable, and no difference to a stack of before.
  document = var.document.when == null && var.document.include == null && length(var.document.exclude) + length(var.document.rename) + length(var.document.constants) == 0 && var.document.keep_expired == null ? null : var.document

  # Key attributes that document.exclude or document.rename names, as a path writes them.
  keys_left_out = setintersection(
    [for path in concat(var.document.exclude, keys(var.document.rename)) : regex(local.first_name, path)],
    [for key in var.key_attributes : replace(replace(key, "\\", "\\\\"), ".", "\\.")],
  )

  # The paths that values get by document.rename and document.constants; and those of them that are another's, where nothing
  # else becomes of that one.
  renamed_paths = { for path, name in var.document.rename : path => "${replace(path, local.path_before, "$1")}${replace(name, "\\", "\\\\")}" }
  new_paths     = concat(values(local.renamed_paths), [for name in keys(var.document.constants) : replace(name, "\\", "\\\\")])
  names_taken = distinct(concat(
    [for path, new in local.renamed_paths : new if new == path],
    [for new in local.new_paths : new if length([for each in local.new_paths : each if each == new]) > 1 || contains(var.key_attributes, new)],
    [
      for new in setsubtract(local.new_paths, concat(keys(var.document.rename), var.document.exclude)) : new
      if anytrue([for each in coalesce(var.document.include, []) : startswith("${each}.", "${new}.")])
    ],
  ))

  # Why documents do not say the attribute of document.keep_expired by its name; null where they do.
  expiry_path = replace(replace(coalesce(var.document.keep_expired, "-"), "\\", "\\\\"), ".", "\\.")
  expiry_hidden_by = var.document.keep_expired == null ? null : (
    contains([for path in var.document.exclude : regex(local.first_name, path)], local.expiry_path) ? "exclude" :
    contains([for path in keys(var.document.rename) : regex(local.first_name, path)], local.expiry_path) ? "rename" :
    contains(values(local.renamed_paths), local.expiry_path) ? "rename" :
    contains(keys(var.document.constants), var.document.keep_expired) ? "constants" :
    var.document.include == null || contains(concat(coalesce(var.document.include, []), var.key_attributes), local.expiry_path) ? null : "include"
  )

  # Together with the table's key, which no validation knows.
  faults = concat(
    [for keys in [local.keys_left_out] : "${var.label}document.exclude or ${var.label}document.rename has ${jsonencode(keys)}: a document needs the table's key attributes by their names, by which it is compared with its item." if length(keys) > 0],
    [for names in [local.names_taken] : "${var.label}document.rename or ${var.label}document.constants gives the names ${jsonencode(names)}, which are taken: each is given twice, is a key attribute's, is named by ${var.label}document.include, or is what has that name already. Choose others; or exclude what has the name, or rename it too." if length(names) > 0],
    [for by in [local.expiry_hidden_by] : "${var.label}document.keep_expired is ${jsonencode(var.document.keep_expired)}, and ${var.label}document.${by} has it that documents do not say this attribute by its name: by it an expired item's document is told from one that is left over. Let documents have the attribute as it is." if by != null],
  )
}
