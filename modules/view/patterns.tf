################################################################################
# What a path, a name, a condition and a mapping must look like
################################################################################

locals {
  # Of an attribute: names with dots between, as documents/shape.py reads them.
  path = "^([^.\\\\]|\\\\[.\\\\])+([.]([^.\\\\]|\\\\[.\\\\])+)*$"
  # The same, of which `$1` is all but the last name.
  path_before = "/^((?:(?:[^.\\\\]|\\\\[.\\\\])+[.])*)(?:[^.\\\\]|\\\\[.\\\\])+$/"
  first_name  = "^(?:[^.\\\\]|\\\\[.\\\\])+"
  # What `document` may give a value for a name; and at the top none of these, as METADATA and KEY_FIELD of documents/shape.py.
  new_name  = "^[^.]*[^.\\s][^.]*$"
  kept_name = "^(_+(data_stream_timestamp|doc_count|field_names|id|ignored|index|nested_path|primary_term|routing|seq_no|source|version)|searchsync_key)$"
  # Of a condition, as lambda_src/searchsync/documents/operators.py has them.
  pattern_operators = ["prefix", "suffix", "equals-ignore-case", "wildcard", "numeric", "anything-but", "exists"]
  # A text of JSON without spaces; each of them in turn with `[{` or `,{` before it, and with the plain value that it names.
  json_text = "\"(?:[^\"\\\\]|\\\\.)*\""
  json_name = "([\\[,]\\{)?\"((?:[^\"\\\\]|\\\\.)*)\"(?::(\"(?:[^\"\\\\]|\\\\.)*\"|[-0-9tfn]))?"

  # As lambda_src/searchsync/documents/mapping.py has them, which looks at every field; a plan sees the text of the JSON.
  mapping_members = [
    "_field_names", "_meta", "_routing", "_size", "_source", "date_detection", "derived", "dynamic",
    "dynamic_date_formats", "dynamic_templates", "enabled", "numeric_detection", "properties",
  ]
  field_types = [
    "alias", "annotated_text", "binary", "boolean", "byte", "completion", "constant_keyword", "date",
    "date_nanos", "date_range", "double", "double_range", "flat_object", "float", "float_range", "geo_point",
    "geo_shape", "half_float", "icu_collation_keyword", "integer", "integer_range", "ip", "ip_range", "join",
    "keyword", "knn_vector", "long", "long_range", "match_only_text", "murmur3", "nested", "object",
    "percolator", "rank_feature", "rank_features", "scaled_float", "search_as_you_type", "semantic", "short",
    "sparse_vector", "star_tree", "text", "token_count", "unsigned_long", "version", "wildcard", "xy_point",
    "xy_shape", "{dynamic_type}",
  ]
  # Settings of an index that would break ours, as SETTINGS there.
  no_index_settings = [
    "aliases", "append_only", "blocks", "default_pipeline", "derived_source", "final_pipeline", "gc_deletes",
    "mappings", "max_result_window", "routing_partition_size", "settings",
  ]
  type_of_a_field = "\"type\":\"([^\"]*)\""
  nothing         = ""
  # What may have a `type` of its own: the mapping's and a field's meta, parameters of a vector's method, relations.
  no_field_type = "/\"(_meta|meta|parameters|relations)\":\\{[^{}]*\\}/"
}
