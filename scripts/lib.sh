# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the scripts share.  Sourced, from the top folder of the repository.

me=$(basename "$0")
die() { echo "$me: $*" >&2; exit 1; }
say() { printf '%s: [%3ds] %s\n' "$me" "$SECONDS" "$*" >&2; }

# Each script finds out by itself where it is; what runs them may be git.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

# Neither the user's git configuration nor the clock may leak into commits.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=base GIT_AUTHOR_EMAIL=base@localhost
export GIT_COMMITTER_NAME=base GIT_COMMITTER_EMAIL=base@localhost
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z'
export GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git() { command git -c core.autocrlf=false -c gc.auto=0 "$@"; }

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

# One at a time: two runs that write the same folder wait for each other.
lock() {
	mkdir -p build
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

# suite_apt SUITE LOG: apt's options, in apt_opts, to see that suite of Debian and nothing
# else.  The mirror and the keyring, by which apt checks the signatures, are the machine's
# own, the suite is not: apt runs on a private state directory, so that nothing outside
# build/ changes.
suite_apt() {
	local apt=$PWD/build/apt/$1 key=/usr/share/keyrings/debian-archive-keyring.gpg site
	command -v apt-get >/dev/null || die "no apt-get here"
	# The site that the machine's own sources name for the main archive: the one
	# that offers the "-updates" suite is a full mirror, security archives are not.
	site=$(apt-get indextargets --format '$(SITE) $(SUITE) $(LABEL)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$3 == "Debian" { print $1; exit }')
	[ -n "$site" ] || die "apt knows no Debian mirror (run 'apt-get update' first)"
	[ -r "$key" ] || die "$key is missing (package debian-archive-keyring)"

	mkdir -p "$apt"/{sources,lists/partial,cache/archives/partial}
	cat >"$apt/sources/suite.sources" <<SRC
Types: deb
URIs: $site
Suites: $1
Components: main
Signed-By: $key
SRC
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
	all=$(parts "$1")
	awk -v n="$2" '$1 == n { print; found = 1 } END { exit !found }' <<<"$all" ||
		die "there is no part '$2' (there is: $(cut -d' ' -f1 <<<"$all" | paste -sd' '))"
}
