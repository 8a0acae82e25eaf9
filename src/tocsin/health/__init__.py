"""Django app: health profiles and their versions, overrides of scores by people, weights proposed from outcomes."""
