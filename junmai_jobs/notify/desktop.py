"""The desktop's own notices, by the program that each system has for them, see docs/adr/0036."""

from __future__ import annotations

import html
import sys

TITLE = "Junmai Jobs"
_LONGEST = 300
"""Characters; desktops cut off more."""
_OSASCRIPT = (
    "on run words",
    "display notification (item 2 of words) with title (item 1 of words)",
    "end run",
)
_POWERSHELL = r"""
$manager = [Windows.UI.Notifications.ToastNotificationManager,Windows.UI.Notifications,ContentType=WindowsRuntime]
$null = [Windows.Data.Xml.Dom.XmlDocument, Windows.Data.Xml.Dom, ContentType=WindowsRuntime]
$kind = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$filled = [xml] $manager::GetTemplateContent($kind).GetXml()
$texts = $filled.GetElementsByTagName('text')
$null = $texts[0].AppendChild($filled.CreateTextNode('Junmai Jobs'))
$null = $texts[1].AppendChild($filled.CreateTextNode($env:JUNMAI_MESSAGE))
$toast = New-Object Windows.Data.Xml.Dom.XmlDocument
$toast.LoadXml($filled.OuterXml)
$app = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe'
$manager::CreateToastNotifier($app).Show([Windows.UI.Notifications.ToastNotification]::new($toast))
"""  # noqa: E501 - the system's own names


def command(message: str) -> list[str]:
    """What shows a message on this system's desktop. No text of it is read as a program."""
    text = message.replace("\0", " ")[:_LONGEST].encode("utf-8", "replace").decode()
    if sys.platform == "win32":
        return ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", _POWERSHELL]  # JUNMAI_MESSAGE
    if sys.platform == "darwin":
        script = [word for line in _OSASCRIPT for word in ("-e", line)]
        return ["osascript", *script, TITLE, text]
    # What is shown may have markup, so what looks like it must not be any.
    return ["notify-send", f"--app-name={TITLE}", "--", TITLE, html.escape(text, quote=False)]
