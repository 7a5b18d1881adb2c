"""Where it stays: ledger, facts, sealed objects, lake, marts, metrics, dashboard."""
