"""The colours of code on light pages and on paper: pygments' `friendly`, with comments and the output of commands dark enough
to be read, as both say much on these pages."""
from pygments.styles.friendly import FriendlyStyle
from pygments.token import Comment, Generic


class Light(FriendlyStyle):
    styles = {**FriendlyStyle.styles, Comment: "italic #44626c", Generic.Output: "#202020"}
