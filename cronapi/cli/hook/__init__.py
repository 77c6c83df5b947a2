"""`cronapi hook`: notifications received on this machine, and samples of them posted."""
