# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the scripts share.  Sourced, from the top folder of the repository.

me=$(basename "$0")
die() { echo "$me: $*" >&2; exit 1; }
say() { printf '%s: [%3ds] %s\n' "$me" "$SECONDS" "$*" >&2; }

# Of the environment only this is taken, what these commands and those that they use
# (apt, ccache) know; what one script tells another that way has its name here, too.
# Empty is the same as unset.  Everything else would change what is built, or where:
# the script starts again without it.
known=' PATH HOME USER LOGNAME TERM TMPDIR PWD OLDPWD SHLVL _ CI
 ARCH ARGS BASE CONFIG DEBIAN FROM GUESTS JOBS KERNEL_SRC LONG PART RFC TIMEOUT V
 UPSTREAM UPSTREAM_REF WORDS
 BENCH_KCFLAGS
 APT_CONFIG http_proxy https_proxy ftp_proxy all_proxy no_proxy
 HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY
 CCACHE_CONFIGPATH CCACHE_DIR CCACHE_DISABLE CCACHE_MAXSIZE CCACHE_REMOTE_STORAGE
 CCACHE_SLOPPINESS '
known=${known//$'\n'/}
clean_environment() {
	local keep=() entries entry
	mapfile -d '' -t entries </proc/$$/environ
	for entry in "${entries[@]}"; do
		[[ $known != *" ${entry%%=*} "* || -z ${entry#*=} ]] || keep+=("$entry")
	done
	[ ${#keep[@]} -lt ${#entries[@]} ] || return 0
	local top=$PWD
	# Names are taken as from where it was called.
	cd "${OLDPWD:-.}" 2>/dev/null || true
	exec env -i "${keep[@]}" "$BASH" -p "$top/scripts/${0##*/}" "$@"
}
clean_environment "$@"
umask 022
export LC_ALL=C.UTF-8
# Python would write beside our own files.
export PYTHONDONTWRITEBYTECODE=1
[[ ${HOME:-} == /* && -d $HOME ]] || export HOME=$PWD/build/home
[[ ${TMPDIR:-} =~ ^/[[:alnum:]/._+@-]*$ && -d $TMPDIR && -w $TMPDIR ]] || unset TMPDIR
[[ ${CCACHE_DIR:-/} == /* ]] || CCACHE_DIR=$PWD/$CCACHE_DIR

# A space or a colon, kbuild does not take; what else means something to make or to a
# shell, their recipes do not quote.
check_path() {
	local LC_ALL=C bad
	bad=${PWD//[a-zA-Z0-9\/._+@~-]/}
	bad=${bad//[$'\x80'-$'\xff']/}
	[ -z "$bad" ] ||
		die "cannot work in a folder with $(printf %q "${bad:0:1}") in its path:" \
		    "kbuild and make do not take it (${PWD//[^[:print:]]/?})"
}
check_path

# Neither the user's git configuration nor the clock may leak into commits, nor our
# own repository be taken for that of a tree in build/.
export GIT_CONFIG_GLOBAL=$PWD/configs/gitconfig GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1
export GIT_CEILING_DIRECTORIES=$PWD/build
export GIT_AUTHOR_NAME=base GIT_AUTHOR_EMAIL=base@localhost
export GIT_COMMITTER_NAME=base GIT_COMMITTER_EMAIL=base@localhost
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z'
export GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git() { command git -c core.autocrlf=false -c gc.auto=0 "$@"; }

# have_tree TREE: is there that git tree?  "No" is only that there is nothing, or what
# an interrupted "git worktree add" says of itself; what git cannot read may be anybody's
# work, and is not removed.
have_tree() {
	local said admin
	[ -e "$1" ] || [ -L "$1" ] || return 1
	said=$(git -C "$1" rev-parse --verify HEAD^0 2>&1 >/dev/null) ||
		die "git cannot read $1, so it is left as it is; remove it if you" \
		    "do not need it ($(head -n 1 <<<"${said#fatal: }"))"
	admin=$(git -C "$1" rev-parse --absolute-git-dir)
	[ "$1" -ef build/linux ] ||
		[ "$(git -C "$1" rev-parse --path-format=absolute --git-common-dir)" -ef build/linux/.git ] ||
		die "$1 is no work tree of build/linux, so it is left as it is"
	[[ $admin == */worktrees/* && $(cat "$admin/locked" 2>/dev/null) == initializing ]] ||
		return 0
	rm -rf "$1"
	return 1
}

# work_tree TREE: see to it that it is there; a new one has the base.
work_tree() {
	! have_tree "$1" || return 0
	say "unpacking $1"
	git -C build/linux worktree prune
	git -C build/linux worktree add -q -f --detach "$PWD/$1" base ||
		{ rm -rf "$1"; die "cannot make $1 (disk full?)"; }
}

# names DIR [SUFFIX]: the names of the data files in configs/DIR, on one line.
names() {
	local f list=
	for f in "configs/$1"/*"${2:-}"; do
		[ -n "${2:-}" ] || [[ $f != *.* ]] || continue
		f=${f##*/}
		list+=" ${f%"${2:-}"}"
	done
	echo "${list# }"
}

# load_arch NAME: read its data file.
load_arch() {
	[[ $1 != */* && $1 != *.* && -f configs/arch/$1 ]] ||
		die "unknown ARCH '$1' (there is: $(names arch))"
	# shellcheck source=configs/arch/x86_64
	. "configs/arch/$1"
}

# check_config NAME
check_config() {
	[[ $1 != */* && -f configs/kernel/$1.config ]] ||
		die "unknown CONFIG '$1' (there is: $(names kernel .config))"
}

# A signal ends a script as it ends any program, but its EXIT trap is run.
on_signals() {
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# One at a time: two runs that write the same folder wait for each other.
lock() {
	mkdir -p build
	touch "build/.lock-$1" 2>/dev/null ||
		die "cannot write to build/ (it belongs to $(stat -c %U build))"
	exec 9>"build/.lock-$1"
	flock -n 9 || { say "waiting for another run"; flock 9; }
}

# checkpatch TREE PATCH [TYPES]: configs/checkpatch names, a line each, a type, the
# start of a subject and the reason, where a finding is let through; TYPES are let
# through everywhere.
checkpatch() {
	local subject ignore
	subject=$(git -C "$1" mailinfo /dev/null /dev/null <"$2" |
		sed -n 's/^Subject: //p')
	ignore=$(awk -F'\t' -v s="$subject" \
		'!/^#/ && NF >= 3 && index(s, $2) == 1 { printf ",%s", $1 }' \
		configs/checkpatch)
	# The system's python3 is the one that has what spdxcheck.py needs.
	(cd "$1" && PATH=/usr/bin:$PATH perl scripts/checkpatch.pl --strict --no-summary -q \
		--show-types --ignore "NONE${3:+,$3}$ignore" "$2")
}

# suite_sources SUITE FOLDER: a sources file of apt in FOLDER that names that suite of
# Debian and nothing else.  The mirror and the keyring, by which apt checks the
# signatures, are the machine's own, the suite is not.
suite_sources() {
	local key=/usr/share/keyrings/debian-archive-keyring.gpg site
	command -v apt-get >/dev/null || die "no apt-get here"
	# The site that the machine's own sources name for the main archive: the one
	# that offers the "-updates" suite is a full mirror, security archives are not.
	site=$(apt-get indextargets --format '$(SITE) $(SUITE) $(LABEL)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$3 == "Debian" { print $1; exit }')
	[ -n "$site" ] || die "apt knows no Debian mirror (run 'apt-get update' first)"
	[ -r "$key" ] || die "$key is missing (package debian-archive-keyring)"
	mkdir -p "$2"
	cat >"$2/suite.sources" <<SRC
Types: deb
URIs: $site
Suites: $1
Components: main
Signed-By: $key
SRC
}

# suite_apt SUITE LOG: apt's options, in apt_opts, to see that suite of Debian.  apt runs
# on a private state directory, so that nothing outside build/ changes.
suite_apt() {
	local apt=$PWD/build/apt/$1
	suite_sources "$1" "$apt/sources"
	mkdir -p "$apt"/{lists/partial,cache/archives/partial}
	apt_opts=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/sources"
		  -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache"
		  -o APT::Sandbox::User= -o Acquire::Languages=none -q)
	# apt tells of sources that it could not reach without failing.
	apt-get "${apt_opts[@]}" -o APT::Update::Error-Mode=any update >"$2" 2>&1 || {
		grep -E '^(E|W|Err)' "$2" | head -n 3 >&2 || true
		die "cannot read $1 (no network? disk full?)"
	}
}

# parts TREE: a line for each part that configs/parts makes of TREE's commits: its
# number, its folder, the commit before its first one, and its last one.
parts() {
	local commits name last end n=0 before
	commits=$(git -C "$1" log --reverse --format='%H %s' base..HEAD)
	before=$(git -C "$1" rev-parse base^0)
	while IFS=$'\t' read -r name last; do
		[[ -n $name && $name != '#'* ]] || continue
		n=$((n + 1))
		end=$(awk -v s="$last" 'substr($0, 42) == s { print $1 }' <<<"$commits")
		[ -n "$end" ] || die "configs/parts: no patch \"$last\" in $1, which ends part $name"
		echo "$n $name $before $end"
		before=$end
	done <configs/parts
	[ "$before" = "$(git -C "$1" rev-parse HEAD)" ] ||
		die "configs/parts: the last part does not end with the last patch of $1"
}

# part TREE N: the same line of one part.
part() {
	local all
	all=$(parts "$1") || exit 1
	awk -v n="$2" '$1 "" == n "" { print; found = 1 } END { exit !found }' <<<"$all" ||
		die "there is no part '$2' (there is: $(cut -d' ' -f1 <<<"$all" | paste -sd' '))"
}
