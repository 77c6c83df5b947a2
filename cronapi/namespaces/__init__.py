"""The functions of the services, by the services' own words: one file per target."""
