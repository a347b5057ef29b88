"""Drives a lab from Python, through the commands that a person would use: for the demonstration and the scenario tests.

lab      the lab's commands, its nodes, pods and routes
traffic  a load of HTTP requests from a node, and what became of them
capture  tunnel packets on the underlay
"""
