"""A model as one jar for the Java virtual machine: what Java needs of contract and bundle, and how it is packed."""
