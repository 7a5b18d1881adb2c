"""HL7v2: framing, charset, segments, messages and what they enclose."""

from connectors.base import Connector
from connectors.hl7.framing import recognises
from connectors.hl7.messages import read

HL7 = Connector(name="hl7v2", family="hl7", recognises=recognises, read=read)
