import { MlvError } from "../../base/errors.ts";
import { addRemote, listRemotes, removeRemote, setDefaultRemote } from "../../ops/remotes.ts";
import { remoteCheck } from "../../ops/remote-check.ts";
import { trust } from "../../ops/trust.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { EXIT, exitStatusOf } from "../exit-status.ts";
import { formatColumns } from "../format.ts";
import { quoteForShell } from "../../base/shell-words.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv remote add origin /mnt/share/data", "a folder on a shared disk"],
    ["mlv remote add origin s3://bucket/prefix --option region=eu-west-1", "a bucket"],
    ["mlv remote list", "what is configured, the default marked with *"],
    ["mlv remote default backup --local", "another default, on this machine only"],
  ],
  configure: (command_, run) => {
    command_
      .command("add")
      .description("add a remote; the first becomes the default")
      .argument("<name>")
      .argument("<url>", "a folder, s3://, gs:// or az://")
      .option("--option <key=value...>", "an option of the remote; docs/remotes/ lists them")
      .option("--local", "on this machine only")
      .option("--force", "replace a remote of that name")
      .action(
        run(async ({ session, args, options }) => {
          const name = textOf(args[0]);
          const result = await addRemote(session.operation, {
            name,
            url: textOf(args[1]),
            options: parseOptions((options["option"] as string[] | undefined) ?? []),
            local: options["local"] === true,
            force: options["force"] === true,
          });
          session.document({ command: "remote add", name, ...result });
          session.print(`added remote ${name}${result.isDefault ? " (the default)" : ""}`);
          if (result.kept.length > 0)
            session.note(`note: ${result.kept.join(", ")} went to .git/mlv/local.yaml, since mlv.yaml is committed`);
          const steps = [
            ...(options["local"] === true ? [] : ["git add mlv.yaml"]),
            ...(result.mustTrust ? [`mlv remote trust ${name}`] : []),
            "mlv push",
          ];
          session.print(`Next: ${steps.join(", then ")}`);
        }),
      );
    command_
      .command("list")
      .description("list the remotes")
      .action(
        run(async ({ session }) => {
          const remotes = await listRemotes(session.operation);
          session.document({ command: "remote list", remotes });
          if (remotes.length === 0) session.print("There is no remote yet.\nNext: mlv remote add origin URL");
          const rows = remotes.map(({ name, url, isDefault, origin }) => [
            isDefault ? "*" : " ",
            escapeName(name),
            escapeName(url),
            origin === "local" ? "(local)" : "",
          ]);
          for (const line of formatColumns(rows)) session.print(line);
        }),
      );
    command_
      .command("remove")
      .description("forget a remote; what it stores stays")
      .argument("<name>")
      .action(
        run(async ({ session, args }) => {
          const name = textOf(args[0]);
          await removeRemote(session.operation, name);
          session.document({ command: "remote remove", name });
          session.print(`removed remote ${quoteForShell(name)}; what it stores was left alone`);
        }),
      );
    command_
      .command("check")
      .description("try every right that mlv needs on a remote")
      .argument("[name]", "the default remote when absent")
      .action(
        run(async ({ session, args }) => {
          const result = await remoteCheck(session.operation, { name: args[0] === undefined ? undefined : textOf(args[0]) });
          session.document({ command: "remote check", ...result });
          const { style } = session;
          const marks = { ok: style.green("ok     "), failed: style.red("failed "), skipped: style.dim("skipped") };
          session.print(`${result.remote} (${escapeName(result.url)})`);
          for (const step of result.steps) {
            session.print(`${marks[step.state]}  ${step.name.padEnd(12)} ${escapeName(step.message)}`);
            if (step.hint !== undefined) session.print(`         ${style.cyan("hint:")} ${escapeName(step.hint)}`);
          }
          if (result.isOk) return EXIT.done;
          const isDown = result.steps.some(({ code }) => code !== undefined && exitStatusOf(code) === EXIT.unreachable);
          return isDown ? EXIT.unreachable : EXIT.refused;
        }),
      );
    command_
      .command("trust")
      .description("let the endpoint of a remote have this machine's credentials")
      .argument("<name>")
      .option("--revoke", "take the trust back")
      .action(
        run(async ({ session, args, options }) => {
          const isRevoked = options["revoke"] === true;
          const result = await trust(session.operation, { name: textOf(args[0]), revoke: isRevoked });
          session.document({ command: "remote trust", ...result });
          if (result.host === undefined) session.print(`${result.remote} names no endpoint of its own, so there is nothing to trust`);
          else session.print(`${escapeName(result.host)} is ${isRevoked ? "no longer trusted" : "trusted"} on this machine`);
        }),
      );
    command_
      .command("default")
      .description("make a remote the default")
      .argument("<name>")
      .option("--local", "on this machine only")
      .action(
        run(async ({ session, args, options }) => {
          const name = textOf(args[0]);
          await setDefaultRemote(session.operation, { name, local: options["local"] === true });
          session.document({ command: "remote default", name });
          session.print(`${name} is the default remote`);
        }),
      );
  },
};

function parseOptions(pairs: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw new MlvError("usage", `\`--option\` takes KEY=VALUE, not \`${pair}\``);
    options[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return options;
}
