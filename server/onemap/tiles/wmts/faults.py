"""What is wrong with a WMTS request, as an ExceptionReport (OGC 06-121r3, clause 8; 07-057r7, table 24)."""

from __future__ import annotations

from xml.etree import ElementTree

OWS = "http://www.opengis.net/ows/1.1"
_STATUS = {"OperationNotSupported": 501, "NoApplicableCode": 500}


class Fault(Exception):
    """A request that cannot be answered: the code of the exception, what it is about, and why."""

    def __init__(self, code: str, locator: str, text: str) -> None:
        self.code = code
        self.locator = locator
        self.text = text
        super().__init__(text)

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return _STATUS.get(self.code, 400)

    def report(self) -> bytes:
        """Return the ExceptionReport."""
        return report(self.code, self.text, self.locator)


def report(code: str, text: str, locator: str = "") -> bytes:
    """Return an ExceptionReport."""
    root = ElementTree.Element("ows:ExceptionReport", {"xmlns:ows": OWS, "version": "1.1.0"})
    about = {"exceptionCode": code} | ({"locator": locator} if locator else {})
    exception = ElementTree.SubElement(root, "ows:Exception", about)
    ElementTree.SubElement(exception, "ows:ExceptionText").text = text
    return document(root)


def document(root: ElementTree.Element) -> bytes:
    """Return the bytes of an XML document."""
    made: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return made
