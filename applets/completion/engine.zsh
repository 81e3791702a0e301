#compdef @NAMES@
# Completions of zsh for killbox, printed by `killbox completion zsh`: do not edit.

typeset -g _killbox_table=@TABLE@

# _killbox_read APPLET: sets specs, operands and shorthand to what the table has for the applet, in the form of _arguments.
# $command says that the first operand ends the options.
_killbox_read() {
	local line found
	local -a kinds
	specs=() operands=() shorthand= command=
	for line in "${(@f)_killbox_table}"; do
		case $found$line in
		('yesapplet '*|'yesplugin '*) return 0 ;;
		("applet $1"|"applet $1 "*|"plugin $1 "*) found=yes ;;
		(yes-*) _killbox_spec "$line" ;;
		(yesshorthand) shorthand=yes ;;
		('yesoperands '*)
			kinds=(${(s: :)line#* })
			(( $#operands )) || _killbox_operands $kinds
			;;
		('yeswith '*)
			kinds=(${(s: :)line#* })
			if _killbox_has ${(s:,:)kinds[1]}; then
				_killbox_operands $kinds[2]
			fi
			;;
		esac
	done
	[[ -n $found ]]
}

# _killbox_spec LINE: adds the specs for an option.
_killbox_spec() {
	local word=${1%% *} text=${1#* } name takes action colons=: message
	local -a names=(${(s:,:)word%%(\[|=)*})
	text=${${${${text//\\/\\\\}//:/\\:}//\[/\\[}//\]/\\]}
	if [[ $word != *=* ]]; then
		for name in $names; do specs+=("($names)${name}[$text]"); done
		return
	fi
	takes=${word#*=}
	[[ $word != *'[='* ]] || takes=${takes%\]} colons=::
	_killbox_action $takes
	for name in $names; do
		case $colons$name in
		(:--*) name+='=' ;;
		(::--*) name+='=-' ;;
		(:-*) name+='+' ;;
		esac
		specs+=("*${name}[$text]$colons$message:$action")
	done
}

# _killbox_action KIND: sets action and message for values of this kind.
_killbox_action() {
	message=${1%,}
	case $1 in
	(any) action=' true' message=value ;; # no matches; with a message, zsh would not insert an option
	(*'|'*) action="(${1//|/ })" message=value ;;
	(file) action=_files ;;
	(directory) action='_files -/' ;;
	(command) action='_command_names -e' ;;
	(user) action=_users ;;
	(user,) action='_sequence _users' ;;
	(gid) action=_groups ;;
	(gid,) action='_sequence _groups' ;;
	(*) action=" _killbox_values $1" ;; # the blank: with no further arguments
	esac
}

# _killbox_operands KIND...: sets operands.
_killbox_operands() {
	local kind action message
	local -i i
	operands=()
	for kind; do
		i+=1
		_killbox_action $kind
		action=${action/_killbox_values/_killbox_operand}
		if [[ $kind == command ]]; then
			command=yes
			operands+=("(-)${i}:command:$action" "*::argument: _killbox_command $i")
		elif (( i == $# )); then
			operands+=("*:$message:$action")
		else
			operands+=("${i}:$message:$action")
		fi
	done
}

# _killbox_has OPTION...: one of the options is given. $command says that the first operand ends the options.
_killbox_has() {
	local word
	for word in "${(@)words[2,CURRENT-1]}"; do
		[[ -z $command || $word == -* ]] || return 1
		(( $argv[(Ie)$word] )) && return 0
	done
	return 1
}

# _killbox_values KIND: offers the values of this kind.
_killbox_values() {
	local kind=$1 line value
	local -a items suffix
	# exec, so that no further shell is among the processes. A missing killbox leaves the list empty.
	for line in "${(@f)$(exec killbox completion values $kind "${(Q)PREFIX}" 2>/dev/null)}"; do
		[[ -n $line ]] || continue
		line=${line//\\/\\\\}
		value=${${line%%$'\t'*}//:/\\:}
		[[ $line != *$'\t'* ]] || value+=:${line#*$'\t'}
		items+=("$value")
	done
	# The value is not complete.
	[[ $kind != (ladder|forwarding|*,) ]] || suffix=(-S '')
	_describe -V -t ${kind//[+,]/-} "${kind%,}" items "${suffix[@]}"
}

# _killbox_command N: completes the command that begins with operand N. words begins with the first operand, or with "--".
_killbox_command() {
	local -i n=$1
	while [[ $words[1] == -- ]] || (( --n > 0 )); do
		shift words
		(( CURRENT-- ))
	done
	_normal
}

# _killbox_operand KIND: offers operands. A shell function of this name may take jobs of the shell.
_killbox_operand() {
	if [[ $PREFIX == %* ]] && (( $+functions[$service] )); then
		local -a jobs
		local job
		for job in ${(kon)jobtexts}; do jobs+=("%$job:${jobtexts[$job]//[[:cntrl:]]/?}"); done
		_describe -V -t jobs job jobs
		return
	fi
	_killbox_values $1
}

# _killbox_names: offers the applets and plug-ins.
_killbox_names() {
	local name line
	local -a items
	for name in ${(f)"$(exec killbox --list 2>/dev/null)"}; do
		line=${(M)${(f)_killbox_table}:#(applet|plugin) $name *}
		items+=("$name${line:+:${line#* $name }}")
	done
	_describe -t applets applet items
}

_killbox() {
	local context state line shorthand command ret=1 curcontext=$curcontext
	local -a state_descr specs operands
	local -A opt_args
	if [[ $service == killbox ]]; then
		_killbox_read killbox
		_arguments -C -s -S -A '-*' $specs '1: :->applet' '*:: :->arguments' && ret=0
		if [[ $state == applet ]]; then
			if (( $words[(Ie)--install] )); then
				_files -/ && ret=0
			else
				_killbox_names && ret=0
				local -a more=('help:describe an applet' 'completion:print the completions of a shell'
					'shell-init:print functions that take jobs of a shell')
				_describe -t commands command more && ret=0
			fi
		fi
		[[ $state == arguments ]] || return ret
		case $words[1] in
		help)
			(( CURRENT == 2 )) && _killbox_names
			return
			;;
		shell-init)
			compadd -- bash zsh sh --replace
			return
			;;
		completion)
			if (( CURRENT == 2 )); then
				compadd bash zsh fish
			else
				compadd ${${${(M)${(f)_killbox_table}:#applet *}#applet }%% *}
			fi
			return
			;;
		esac
		local service=$words[1]
		curcontext="${curcontext%:*:*}:$service:"
	fi
	if ! _killbox_read $service; then
		_default
		return
	fi
	if [[ -n $shorthand && $PREFIX == -[A-Z]* ]]; then
		_killbox_values shorthand && ret=0
	fi
	if [[ -n $command ]]; then
		_arguments -s -S -A '-*' $specs $operands && ret=0
	else
		_arguments -s -S $specs $operands && ret=0
	fi
	return ret
}

# The file is sourced, or it is a function that compinit has found.
if [[ $funcstack[1] == _killbox ]]; then
	_killbox "$@"
else
	compdef _killbox @NAMES@
fi
