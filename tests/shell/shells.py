"""Interactive shells on a pseudo-terminal, with somebody who types and presses Tab."""
import fcntl
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import termios
import time

from programs import COMPLETIONS, environment

PATIENCE = 60


class Shell:
    """A shell that has loaded the completions. `line(typed)` is what the line has become after the keys in `typed`."""

    # Control-G shows the line that is being typed between these, so that it can be told from what the shell draws.
    SHOWN = r"<<<(.*?)>>>"

    def __init__(self, home, folder):
        self.home, self.folder = home, folder
        self.seen = ""
        master, slave = pty.openpty()
        self.master = master
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        self.process = subprocess.Popen(self.argv(), env=environment(home), cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.type(self.preparation() + "\n")
        self.wait_for("ready")

    def type(self, keys):
        os.write(self.master, keys.encode())

    def wait_for(self, pattern, since=0):
        """The match of `pattern` in what was shown since then."""
        give_up = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.seen[since:], re.M | re.S)
            if found:
                return found
            left = give_up - time.monotonic()
            assert left > 0, f"{pattern!r} did not come; seen: {self.seen[since:]!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    more = os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    more = ""
                assert more, f"the shell has ended; seen: {self.seen!r}"
                self.seen += more

    def line(self, typed):
        shown = self.after_keys(typed)
        self.type("\x15")
        return shown

    def after_keys(self, typed):
        """One Tab after the other, and never ahead of the shell: some do not complete while more is waiting to be read."""
        for keys in re.findall(r"\t|[^\t]+", typed):
            begun = len(self.seen)
            self.type(keys + "\x07")
            shown = self.wait_for(self.SHOWN, begun).group(1)
        return shown

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


class Bash(Shell):
    def argv(self):
        return ["/usr/bin/bash", "--norc", "--noprofile", "-i"]

    def preparation(self):
        return (f"PS1='$ '; source {COMPLETIONS}/bash/pshare; source {COMPLETIONS}/bash/pshare-server; "
                "bind 'set completion-query-items 0'; bind 'set page-completions off'; bind 'set bell-style none'; "
                """bind -x '"\\C-g": printf "<<<%s>>>" "$READLINE_LINE"'; """
                # What the function that is tested has offered for the line that was really typed.
                """offers() { "$@"; printf '{{{%s}}}' "${COMPREPLY[*]}"; }; echo re''ady""")

    def offered(self, typed):
        """All that is offered at the end of this line."""
        self.type("spied_pshare() { offers _pshare; }; complete -F spied_pshare pshare\n")
        begun = len(self.seen)
        self.type(typed + "\t")
        shown = self.wait_for(r"\{\{\{([^%].*?)?\}\}\}", begun).group(1) or ""
        self.type("\x15")
        self.type("complete -F _pshare pshare\n")
        return shown.split()


class Zsh(Shell):
    def argv(self):
        return ["/usr/bin/zsh", "-f", "-i"]

    def preparation(self):
        return (f"PS1='$ '; fpath=({COMPLETIONS}/zsh $fpath); autoload -Uz compinit; compinit -D; LISTMAX=9999; unsetopt beep; "
                "show() { print -rn -- \"<<<$BUFFER>>>\" }; zle -N show; bindkey '^G' show; "
                # What is handed to zsh for the line that was really typed.
                "compadd() { builtin compadd -O taken \"$@\"; (( $#taken )) && print -n \"{{{$taken}}}\"; builtin compadd \"$@\" }; echo re''ady")

    def offered(self, typed):
        begun = len(self.seen)
        self.after_keys(typed + "\t")
        self.type("\x15")
        # zsh asks twice: what there is, and how to show it.
        return list(dict.fromkeys(word for words in re.findall(r"\{\{\{([^$].*?)\}\}\}", self.seen[begun:], re.S) for word in words.split()))


class Fish(Shell):
    def offered(self, typed):
        """fish says by itself what it would offer."""
        told = subprocess.run([*self.argv()[:-1], "-c", f"{self.loading()}; complete -C {shlex.quote(typed)}"], env=environment(self.home), cwd=self.folder, capture_output=True, text=True,
                              timeout=PATIENCE, stdin=subprocess.DEVNULL)
        assert told.stderr == "", told.stderr
        return [line.split("\t")[0] for line in told.stdout.splitlines()]

    def loading(self):
        return f"set fish_complete_path {COMPLETIONS}/fish $fish_complete_path"

    def argv(self):
        return ["/usr/bin/fish", "--private", "--no-config", "-i"]

    def preparation(self):
        return f"{self.loading()}; function fish_prompt; echo -n '$ '; end; bind \\cg 'echo -n \"<<<\"(commandline)\">>>\"'; echo re''ady"
