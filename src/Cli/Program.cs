using TraceReplay.Cli;

return CommandLine.Run(args);
