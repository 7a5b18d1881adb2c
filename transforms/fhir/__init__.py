"""FHIR R4 (4.0.1) as a projection of the record, made on read: resources are plain mappings, written by msgspec."""
