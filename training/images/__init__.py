"""Pictures and what they show: people's own files, networks that tell them apart, and how those are trained."""
