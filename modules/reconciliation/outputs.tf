################################################################################
# Collection
################################################################################

output "data_access_policy_name" {
  description = "Name of the policy that lets the run write the index; null when somebody else grants it."
  value       = one(aws_opensearchserverless_access_policy.function[*].name)
}

################################################################################
# Function
################################################################################

output "function_name" {
  description = "Name of the reconcile function."
  value       = aws_lambda_function.this.function_name
}

output "log_group_name" {
  description = "Name of the reconcile function's log group."
  value       = aws_cloudwatch_log_group.function.name
}

################################################################################
# State machine
################################################################################

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = aws_sfn_state_machine.this.arn
}

################################################################################
# Role
################################################################################

output "role_arn" {
  description = "ARN of the reconcile function's role."
  value       = aws_iam_role.function.arn
}

output "role_name" {
  description = "Name of the reconcile function's role."
  value       = aws_iam_role.function.name
}

output "state_machine_role_name" {
  description = "Name of the state machine's role."
  value       = aws_iam_role.state_machine.name
}
