"""Papers' tables and figures run again: experiments as data, their statistics, their reports."""
