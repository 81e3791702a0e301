# Completions of fish 3.4 or later for killbox, printed by `killbox completion fish`: do not edit.

set -g __killbox_table (string split \n -- @TABLE@)

# __killbox_words APPLET: prints the words between the applet and the cursor, escaped. It fails if the command line is not one
# of the applet.
function __killbox_words --argument-names applet
	set -l words (commandline -opc)
	set -l name (string replace -r '^.*/' '' -- $words[1])
	set -e words[1]
	if test "$name" = killbox
		set -l i 1
		while string match -q -- '-*' "$words[$i]"
			set i (math $i + 1)
		end
		if set -q words[$i]
			set name $words[$i]
			set words $words[(math $i + 1)..]
		end
	end
	test "$name" = "$applet"; or return 1
	string escape -- $words
	return 0
end

# __killbox_place APPLET: prints the number of operands up to the one that begins a command, and then the number of words
# from the command to the cursor. It prints nothing if the applet runs no command.
function __killbox_place --argument-names applet
	set -l left __killbox_left_(string replace - _ -- $applet)
	set -l takes __killbox_takes_(string replace - _ -- $applet)
	set -q $left; or return
	set left $$left
	set takes $$takes
	set -l words (__killbox_words $applet)
	set -l ended
	while set -q words[1]
		switch "$ended$words[1]"
			case --
				set ended yes
			case '-*'
				contains -- $words[1] $takes; and set -e words[1]
			case '*'
				set left (math $left - 1)
				test $left = 0; and break
		end
		set -e words[1]
	end
	echo $left
	count $words
	return 0
end

# __killbox_at APPLET [LEFT]: the word at the cursor is one of the applet, not of a command that it runs. With LEFT, it is
# the operand with which LEFT operands remain up to the command; with 0, it is a word after the command.
function __killbox_at --argument-names applet left
	__killbox_words $applet >/dev/null; or return 1
	set -l place (__killbox_place $applet)
	if test -n "$left"
		test "$place[1]" = $left
	else
		test "$place[1]" != 0
	end
end

# __killbox_command APPLET: offers what the shell offers for the command that the applet runs.
function __killbox_command --argument-names applet
	set -l place (__killbox_place $applet)
	set -l words (commandline -opc)
	if test $place[1] = 0
		complete -C "$(string join ' ' -- (string escape -- $words[(math 0 - $place[2])..]) (commandline -ct))"
	else
		complete -C "$(commandline -ct)"
	end
end

# __killbox_given NAMES: one of the options is on the command line.
function __killbox_given --argument-names names
	for name in (string split , -- $names)
		contains -- $name (commandline -opc); and return 0
	end
	return 1
end

# __killbox_values KIND [LETTER]: prints the values of this kind. LETTER is the letter of the option.
function __killbox_values --argument-names kind letter
	set -l token (commandline -ct)
	switch "$token"
		case '--*=*'
			set token (string replace -r '^--[^=]*=' '' -- $token)
		case '-*'
			test -z "$letter"; or set token (string replace -r "^-[^-$letter]*$letter" '' -- $token)
	end
	# A missing killbox leaves the list empty.
	command killbox completion values $kind "$(string unescape -- $token)" 2>/dev/null
end

# __killbox_names: prints the applets and plug-ins.
function __killbox_names
	for name in (command killbox --list 2>/dev/null)
		printf '%s\t%s\n' $name (string replace -r '^\S+ \S+ ' '' -- (string match -- "applet $name *" "plugin $name *" $__killbox_table))
	end
end

# __killbox_action KIND [LETTER]: sets action to the options of complete for values of this kind.
function __killbox_action --no-scope-shadowing
	switch $argv[1]
		case any
			set action -x
		case file
			set action -r -F
		case directory
			set action -x -a '(__fish_complete_directories)'
		case command
			set action -x -a '(__fish_complete_command)'
		case user gid
			set action -x -a "(__fish_complete_$argv[1]s)"
		case 'user,' 'gid,'
			set action -x -a "(__fish_complete_list , __fish_complete_"(string replace , s -- $argv[1])")"
		case '*|*'
			set action -x -a "$(string replace -a '|' ' ' -- $argv[1])"
		case '*'
			set action -x -k -a "(__killbox_values $argv)"
	end
	set action (string replace _gids _groups -- $action)
end

# __killbox_load NAME...: makes the completions of these commands from the table.
function __killbox_load
	for name in $argv
		complete -e -c $name
	end
	set -l applet
	set -l key
	set -l on
	set -l at
	set -l without
	set -l action
	for line in $__killbox_table
		set -l word (string split -m 1 ' ' -- $line)
		switch $line
			case 'applet *' 'plugin *'
				set applet (string split ' ' -- $line)[2]
				set on -c killbox
				if contains -- $applet $argv; and test $applet != killbox
					set on $on -c $applet
				end
				set at "__killbox_at $applet"
				set without
				set key (string replace - _ -- $applet)
				set -e __killbox_left_$key
				set -g __killbox_takes_$key
			case '-*'
				set -l names (string replace -r '(=|\[=).*' '' -- $word[1])
				set -l takes (string replace -r '^[^=]*=?' '' -- $word[1] | string trim -r -c ']')
				set -l options
				set -l letter
				for name in (string split , -- $names)
					switch $name
						case '--*'
							set options $options -l (string sub -s 3 -- $name)
						case '*'
							set letter (string sub -s 2 -- $name)
							set options $options -s $letter
					end
				end
				set action
				if test -n "$takes"
					__killbox_action $takes $letter
					if string match -q '*[=*' -- $word[1]
						set action[1] -f
					else
						set -a __killbox_takes_$key (string split , -- $names)
					end
				end
				complete $on -n $at $options $action -d $word[2]
			case shorthand
				complete $on -n "$at; and string match -qr '^-[A-Z]' -- (commandline -ct)" -a '(__killbox_values shorthand)'
			case 'with *'
				set -l with (string split ' ' -- $word[2])
				__killbox_action $with[2]
				complete $on -n "$at; and __killbox_given $with[1]" $action
				set without "$without; and not __killbox_given $with[1]"
			case 'operands *'
				set -l kinds (string split ' ' -- $word[2])
				if test $kinds[-1] != command
					__killbox_action $kinds[-1]
					complete $on -n "$at$without" $action
					continue
				end
				set -l left (count $kinds)
				set -g __killbox_left_$key $left
				for kind in $kinds[1..-2]
					__killbox_action $kind
					complete $on -n "$at $left$without" $action
					set left (math $left - 1)
				end
				complete $on -n "$at 1$without" -f -a "(__killbox_command $applet)"
				complete $on -n "$at 0" -f -a "(__killbox_command $applet)"
		end
	end
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a '(__killbox_names)'
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a help -d 'describe an applet'
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a completion -d 'print the completions of a shell'
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a shell-init -d 'print functions that take jobs of a shell'
	complete -c killbox -n '__killbox_at help' -f -a '(__killbox_names)'
	complete -c killbox -n '__killbox_at shell-init' -f -a 'bash zsh sh'
	complete -c killbox -n '__killbox_at shell-init' -l replace
	complete -c killbox -n '__killbox_at completion; and test (count (__killbox_words completion)) = 0' -f -a 'bash zsh fish'
	complete -c killbox -n '__killbox_at completion; and test (count (__killbox_words completion)) != 0' -f -a '(__killbox_names)'
end

__killbox_load @NAMES@
