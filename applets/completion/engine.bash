# shellcheck shell=bash
# Completions of bash 4.4 or later for killbox, printed by `killbox completion bash`: do not edit.

_killbox_table=@TABLE@

# _killbox_read APPLET: sets options, shorthand, operands and withs to what the table has for the applet.
_killbox_read() {
	local line found=''
	options=() operands=() withs=() shorthand=''
	while IFS= read -r line; do
		case $found$line in
		'yesapplet '* | 'yesplugin '*) return 0 ;;
		"applet $1" | "applet $1 "* | "plugin $1 "*) found=yes ;;
		yes-*) options+=("${line%% *}") ;;
		yesshorthand) shorthand=yes ;;
		'yesoperands '*) read -ra operands <<<"${line#* }" ;;
		'yeswith '*) withs+=("${line#* }") ;;
		esac
	done <<<"$_killbox_table"
	[[ -n $found ]]
}

# _killbox_add PREFIX WORD...: adds the words that begin with the value so far, each after PREFIX. A character that the
# shell acts on is quoted. $value is what has been typed of the value, and $quote the quotation mark before it.
_killbox_add() {
	local prefix=$1 word char
	shift
	for word; do
		[[ $word == "$value"* ]] || continue
		case ${quote-} in
		\') [[ $word != *\'* ]] || continue ;;
		\") for char in \\ \" \$ \`; do word=${word//"$char"/\\"$char"}; done ;;
		*) [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || printf -v word %q "$word" ;;
		esac
		found+=("$prefix$word")
	done
}

# _killbox_unquote: removes the quotes and backslashes from value, and sets quote.
_killbox_unquote() {
	[[ $value != [\"\']* ]] || quote=${value:0:1} value=${value:1}
	# shellcheck disable=SC2162 # read without -r removes the backslashes
	[[ $quote == \' ]] || IFS= read value <<<"$value"
}

# _killbox_values PREFIX KIND: adds the values of this kind, each after PREFIX.
_killbox_values() {
	local prefix=$1 kind=$2 head line words=() quote=''
	local -A seen=()
	_killbox_unquote
	case $kind in
	any) ;;
	*'|'*)
		IFS='|' read -ra words <<<"$kind"
		_killbox_add "$prefix" "${words[@]}"
		;;
	file | directory | command)
		[[ $kind != command || $value == */* ]] || kind=-c
		kind=${kind/#file/-f} kind=${kind/#directory/-d} kind=${kind/#command/-f}
		mapfile -t words < <(compgen "$kind" -- "$value")
		# Of a command that several folders of PATH contain, compgen prints several lines.
		for line in "${words[@]}"; do
			[[ -n ${seen[$line]-} ]] || found+=("$prefix$line")
			seen[$line]=yes
		done
		[[ $kind == -c ]] || compopt -o filenames
		;;
	user* | gid*)
		[[ $kind == *, && $value == *,* ]] && head=${value%,*},
		prefix+=${head-} value=${value#"${head-}"}
		kind=${kind/#user*/-u} kind=${kind/#gid*/-g}
		mapfile -t words < <(compgen "$kind" -- "$value")
		_killbox_add "$prefix" "${words[@]}"
		;;
	*)
		# exec, so that no further shell is among the processes. A missing killbox leaves the list empty.
		while IFS= read -r line; do
			_killbox_add "$prefix" "${line%%$'\t'*}"
			# The list that a second Tab shows has descriptions. They do not change what the values have in common.
			[[ $line != *$'\t'* || ${#found[@]} = 0 || $line != "$value"* ]] || texts[${#found[@]} - 1]=${line#*$'\t'}
		done < <(exec killbox completion values "$kind" "$value" 2>/dev/null)
		;;
	esac
}

# _killbox_takes NAME: sets takes to the kind of the argument of an option, optional if the argument may be left out. NAME
# may be the beginning of the long name of one option.
_killbox_takes() {
	local option name names fits=0
	takes='' optional=''
	for option in "${options[@]}"; do
		IFS=, read -ra names <<<"${option%%[[=]*}"
		for name in "${names[@]}"; do
			[[ $name == "$1" || $1 == --?* && $name == "$1"* ]] || continue
			takes='' optional=''
			[[ $option != *=* ]] || takes=${option#*=}
			[[ $option != *'[='* ]] || takes=${takes%']'} optional=yes
			[[ $name != "$1" ]] || return 0
			((fits += 1))
		done
	done
	[[ $fits == 1 ]] || takes='' optional=''
}

# _killbox_letters WORD: reads a word of one-letter options. It sets takes if an option in it takes an argument, and letter
# to the word up to that option.
_killbox_letters() {
	local i
	letter='' takes=''
	for ((i = 1; i < ${#1}; i++)); do
		_killbox_takes "-${1:i:1}"
		[[ -z $takes ]] || { letter=${1:0:i+1} && return; }
	done
}

# _killbox_words: sets words to the words up to the cursor, and at to the place of each in COMP_WORDS. Readline also breaks
# words at the other characters of COMP_WORDBREAKS, such as "=".
_killbox_words() {
	local i blanks rest=${COMP_LINE:0:COMP_POINT}
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blanks=${rest%%[![:space:]]*}
		rest=${rest#"$blanks"}
		if [[ $i -gt 0 && -z $blanks ]]; then
			((i < COMP_CWORD)) || COMP_WORDS[i]=$rest
			words[${#words[@]} - 1]+=${COMP_WORDS[i]}
		else
			((i < COMP_CWORD)) || COMP_WORDS[i]=$rest
			words+=("${COMP_WORDS[i]}")
			at+=("$i")
		fi
		rest=${rest#"${COMP_WORDS[i]}"}
	done
}

# _killbox_command N: completes the command that begins with word N, as the shell does elsewhere.
_killbox_command() {
	local handler spec rest=$COMP_LINE COMP_WORDS=("${COMP_WORDS[@]:at[$1]}")
	local COMP_CWORD=$((COMP_CWORD - at[$1])) i
	local name=${COMP_WORDS[0]}
	if [[ $COMP_CWORD == 0 ]]; then
		value=$name
		_killbox_values '' command
		return
	fi
	if declare -F _comp_load >/dev/null; then
		_comp_load -- "$name"
	elif declare -F __load_completion >/dev/null; then
		__load_completion "$name"
	fi
	spec=$(complete -p -- "${name##*/}" 2>/dev/null) # no completion: files
	if [[ $spec != *' -F '* ]]; then
		value=$current
		_killbox_values '' file
		return
	fi
	for ((i = 0; i < $1; i++)); do
		rest=${rest#"${rest%%[![:space:]]*}"}
		rest=${rest#"${words[i]}"}
	done
	rest=${rest#"${rest%%[![:space:]]*}"}
	local COMP_POINT=$((COMP_POINT - ${#COMP_LINE} + ${#rest})) COMP_LINE=$rest
	[[ $spec != *' -o filenames '* ]] || compopt -o filenames
	[[ $spec != *' -o nospace '* ]] || compopt -o nospace
	handler=${spec##* -F }
	"${handler%% *}" "$name" "$current" "${COMP_WORDS[COMP_CWORD - 1]}"
	delegated=yes
}

# _killbox_option: adds options, and signals in the form -TERM.
_killbox_option() {
	local option name names
	value=$current
	for option in "${options[@]}"; do
		IFS=, read -ra names <<<"${option%%[[=]*}"
		for name in "${names[@]}"; do
			case $name$option in
			--*'[='*) _killbox_add '' "$name" "$name=" ;;
			--*=*) _killbox_add '' "$name=" ;;
			*) _killbox_add '' "$name" ;;
			esac
		done
	done
	[[ $current != -[A-Z]* || -z $shorthand ]] || _killbox_values '' shorthand
}

# _killbox_line: completes the last of words.
_killbox_line() {
	local options operands withs shorthand i=0 last=$((${#words[@]} - 1)) name current=${words[-1]} takes optional letter=''
	local pending='' ended='' count=0 with='' value line
	name=${words[0]##*/}
	if [[ $name == killbox ]]; then
		for ((i = 1; i < last; i++)); do [[ ${words[i]} == -* ]] || break; done
		if ((i == last)) && [[ $current != -* ]]; then
			value=$current
			[[ ${words[*]} == *' --install '* ]] && _killbox_values '' directory && return
			mapfile -t operands < <(exec killbox --list 2>/dev/null) # a missing killbox leaves the list empty
			_killbox_add '' "${operands[@]}" help completion shell-init
			return
		fi
		((i == last)) || name=${words[i]}
	fi
	value=$current
	case $name in
	help)
		mapfile -t operands < <(exec killbox --list 2>/dev/null)
		_killbox_add '' "${operands[@]}"
		return
		;;
	shell-init)
		_killbox_add '' bash zsh sh --replace
		return
		;;
	completion)
		if ((i + 1 == last)); then
			_killbox_add '' bash zsh fish
		else
			while read -r line name _; do
				[[ $line != applet ]] || _killbox_add '' "$name"
			done <<<"$_killbox_table"
		fi
		return
		;;
	esac
	_killbox_read "$name" || return
	[[ $name != killbox ]] || i=0
	for ((i += 1; i < last; i++)); do
		if [[ -n $pending ]]; then
			pending=''
			continue
		fi
		case $ended${words[i]} in
		--) ended=yes ;;
		--*=*) ;;
		--?*)
			_killbox_takes "${words[i]}"
			[[ -n $optional ]] || pending=$takes
			;;
		-?*)
			# -STOP is a signal, although in pkill the letter P takes an argument.
			[[ -z $shorthand || ${words[i]} != -[A-Z][A-Z]* ]] || continue
			_killbox_letters "${words[i]}"
			[[ $letter != "${words[i]}" || -n $optional ]] || pending=$takes
			;;
		*)
			if [[ ${operands[count < ${#operands[@]} ? count : ${#operands[@]} - 1]-} == command && -z $with ]]; then
				_killbox_command "$i"
				return
			fi
			((count += 1))
			;;
		esac
		for line in "${withs[@]}"; do
			[[ ",${line% *}," != *",${words[i]},"* ]] || with=${line##* }
		done
	done
	if [[ -n $pending ]]; then
		_killbox_values '' "$pending"
	elif [[ -z $ended && $current == --*=* ]]; then
		_killbox_takes "${current%%=*}"
		value=${current#*=}
		[[ -z $takes ]] || _killbox_values "${current%%=*}=" "$takes"
	elif [[ -z $ended && $current == -* ]]; then
		_killbox_option
		[[ $current == --* ]] || _killbox_letters "$current"
		if [[ -n $letter && $letter != "$current" && -z $optional ]]; then
			value=${current#"$letter"}
			_killbox_values "$letter" "$takes"
		fi
	elif [[ ${#operands[@]} -gt 0 ]]; then
		# A shell function of this name may take jobs of the shell.
		if [[ $current == %* && $(type -t -- "${words[0]}") == function ]]; then
			mapfile -t operands < <(jobs -p)
			for ((i = 1; i <= ${#operands[@]}; i++)); do _killbox_add '' "%$i"; done
			return
		fi
		[[ -z $with ]] || operands=("$with")
		_killbox_values '' "${operands[count < ${#operands[@]} ? count : ${#operands[@]} - 1]}"
	fi
}

_killbox() {
	local words=() at=() found=() texts=() delegated='' head upto char i
	local COMP_WORDS=("${COMP_WORDS[@]}") IFS=$' \t\n'
	COMPREPLY=()
	_killbox_words
	_killbox_line
	[[ -z $delegated ]] || return 0
	# Readline replaces only what follows the last of these characters, and "@" itself.
	head=''
	for char in = : @; do
		[[ $COMP_WORDBREAKS == *"$char"* && ${words[-1]} == *"$char"* ]] || continue
		upto=${words[-1]%"$char"*}${char#@}
		((${#upto} <= ${#head})) || head=$upto
	done
	for i in "${!found[@]}"; do
		COMPREPLY+=("${found[i]#"$head"}")
	done
	if [[ ${#found[@]} == 1 ]]; then
		[[ ${found[0]} != *[=/] ]] || compopt -o nospace 2>/dev/null
		return 0
	fi
	case ${COMP_TYPE-} in
	63 | 33 | 64)
		for i in "${!texts[@]}"; do
			printf -v "COMPREPLY[i]" '%s  (%s)' "${COMPREPLY[i]}" "${texts[i]}"
			COMPREPLY[i]=${COMPREPLY[i]:0:${COLUMNS:-80}-2}
		done
		;;
	esac
}

complete -o nosort -F _killbox @NAMES@
