"""The lab's AWS: ministack with its gaps closed, one process (`python -m lab.cloud`)."""
