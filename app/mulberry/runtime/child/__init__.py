"""What runs inside the job process. Imports nothing of ours but `mulberry.runtime.wire` and its `frames`."""
