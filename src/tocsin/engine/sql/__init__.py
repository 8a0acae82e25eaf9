"""The only room that knows SQLGlot: typed terms and plans become one SQL statement."""
