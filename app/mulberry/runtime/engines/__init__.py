"""Engines that are no job process of ours."""
