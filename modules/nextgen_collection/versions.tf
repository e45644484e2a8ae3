terraform {
  required_version = ">= 1.9"

  # 6.62 is the version whose arguments this module was held against; 5.100 has no collection groups.
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.62, < 7.0"
    }
  }
}
