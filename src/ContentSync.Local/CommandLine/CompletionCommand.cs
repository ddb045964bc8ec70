using System.CommandLine;

namespace ContentSync.Local.CommandLine;

/// <summary><c>completion SHELL</c>: a script that completes commands and options with the Tab key.</summary>
internal sealed class CompletionCommand
{
    public const string Explanation =
        """
        The script asks the installed command itself, so it need not be renewed after an update.

        Examples:
          contentsync completion bash >> ~/.bashrc
          contentsync completion zsh >> ~/.zshrc
          contentsync completion pwsh >> $PROFILE
        """;

    private const string Bash =
        """
        # Completion of contentsync for bash.
        _contentsync_complete() {
          local line="${COMP_LINE#* }"
          local position=$((COMP_POINT - ${#COMP_LINE} + ${#line}))
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$(contentsync "[suggest:$position]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _contentsync_complete contentsync
        """;

    private const string Zsh =
        """
        # Completion of contentsync for zsh.
        _contentsync() {
          local line="${BUFFER#* }"
          local position=$((CURSOR - ${#BUFFER} + ${#line}))
          local -a found
          found=("${(@f)$(contentsync "[suggest:$position]" "$line" 2>/dev/null)}")
          if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
        }
        compdef _contentsync contentsync
        """;

    private const string PowerShell =
        """
        # Completion of contentsync for PowerShell.
        Register-ArgumentCompleter -Native -CommandName contentsync -ScriptBlock {
          param($word, $command, $cursor)
          $whole = $command.ToString()
          $line = if ($whole.Contains(' ')) { $whole.Substring($whole.IndexOf(' ') + 1) } else { '' }
          $position = [Math]::Max(0, $cursor - $whole.Length + $line.Length)
          contentsync "[suggest:$position]" $line | Where-Object { $_ -like "$word*" } |
            ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }
        """;

    private static readonly Dictionary<string, string> Scripts = new(StringComparer.Ordinal)
    {
        ["bash"] = Bash,
        ["zsh"] = Zsh,
        ["pwsh"] = PowerShell,
    };

    private readonly Argument<string> _shell = new("SHELL")
    {
        Description = "bash, zsh or pwsh.",
        CompletionSources = { _ => OptionValue.Completions(Scripts.Keys) },
    };

    public Command Create()
    {
        var command = new Command("completion", "Print a script that completes commands and options in a shell.") { _shell };
        command.Validators.Add(result =>
        {
            if (result.GetValue(_shell) is { Length: > 0 } shell && !Scripts.ContainsKey(shell))
                result.AddError($"{_shell.Name} must be one of {string.Join(", ", Scripts.Keys)}, not '{shell}'.");
        });
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(Scripts[parsed.GetRequiredValue(_shell)].ReplaceLineEndings("\n"));
            return ExitCodes.Done;
        });
        return command;
    }
}
