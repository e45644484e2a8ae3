# A collection that nobody reaches from the internet, and functions in a VPC without any way out: what each of them calls
# has an endpoint there. docs/permissions.md names the calls by function.

provider "aws" {
  region = var.region
}

################################################################################
# Network
################################################################################

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:an example does without flow logs

  cidr_block           = "10.20.0.0/24"
  enable_dns_support   = true # both, for the endpoints' private names
  enable_dns_hostnames = true

  tags = { Name = local.name }
}

# Closed, so that nothing is reached by whoever names no group.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

# Two zones: Lambda and each endpoint go on when one is away.
resource "aws_subnet" "private" {
  for_each = { a = 0, b = 1 }

  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 2, each.value)
  availability_zone = "${var.region}${each.key}"

  tags = { Name = "${local.name}-${each.key}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = local.name }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

################################################################################
# Who may speak with whom: the functions with the endpoints, by TLS
################################################################################

resource "aws_security_group" "functions" {
  name        = "${local.name}-functions"
  description = "The functions of ${local.name}"
  vpc_id      = aws_vpc.this.id
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "The VPC endpoints of ${local.name}"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_egress_rule" "to_endpoints" {
  security_group_id            = aws_security_group.functions.id
  description                  = "TLS to the interface endpoints"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "to_gateways" {
  for_each = aws_vpc_endpoint.gateway

  security_group_id = aws_security_group.functions.id
  description       = "TLS to the gateway endpoint of ${each.key}"
  prefix_list_id    = each.value.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "from_functions" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "TLS from the functions"
  referenced_security_group_id = aws_security_group.functions.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

################################################################################
# Endpoints
################################################################################

locals {
  name = "orders-private"

  # Which of the functions call it: docs/permissions.md.
  gateways = {
    dynamodb = "sync, redrive, reconcile: items"
    s3       = "reconcile: what a run has read, reports"
  }
  interfaces = {
    sqs        = "sync, redrive, reconcile: the failure queue"
    states     = "reconcile: whether another run runs"
    lambda     = "reconcile: room for its calls, the trigger"
    monitoring = "reconcile: how late the pipeline is"
  }
}

# They cost nothing.
resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateways

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]

  tags = { Name = "${local.name}-${each.key}", For = each.value }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interfaces

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  tags = { Name = "${local.name}-${each.key}", For = each.value }
}

# OpenSearch Serverless makes its own kind, with a private name for collections.
resource "aws_opensearchserverless_vpc_endpoint" "this" {
  name               = local.name
  vpc_id             = aws_vpc.this.id
  subnet_ids         = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids = [aws_security_group.endpoints.id]
}

################################################################################
# The pipeline
################################################################################

module "searchsync" {
  source = "../.."

  name = local.name

  table = {
    name                = "orders-private"
    hash_key            = { name = "id" }
    deletion_protection = false # so that `terraform destroy` clears the example away
  }

  collection = {
    name                   = local.name
    network                = "vpc"
    vpc_endpoint_ids       = [aws_opensearchserverless_vpc_endpoint.this.id]
    standby_replicas       = false
    data_access_principals = var.data_access_principals
  }

  function = {
    runtime = var.runtime
    vpc = {
      subnet_ids         = [for subnet in aws_subnet.private : subnet.id]
      security_group_ids = [aws_security_group.functions.id]
    }
  }

  # A function without its endpoints could do nothing. The module has no data sources, so that this makes no noise in plans.
  depends_on = [
    aws_route_table_association.private,
    aws_vpc_endpoint.gateway,
    aws_vpc_endpoint.interface,
    aws_vpc_security_group_egress_rule.to_endpoints,
    aws_vpc_security_group_egress_rule.to_gateways,
    aws_vpc_security_group_ingress_rule.from_functions,
  ]
}
