"""What an installation of the suite on a cluster consists of."""
