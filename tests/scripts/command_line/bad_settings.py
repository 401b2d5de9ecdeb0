"""Configurations, trainers and places of a run that cannot work."""

from tests.scripts.command_line.bad_input import ADAM, DDP, LINEAR, ONE, SGD, SOFTMAX, Bad

PWNED = "data: !!python/object/apply:os.mkdir ['pwned']\n"

FILES = {
    "open.yaml": "data: [\n",
    "unknown.yaml": "dat:\n  class_path: IrisDataModule\n",
    "number.yaml": "model: 3\n",
    "trainer.yaml": "trainer: fast\n",
    "alone.yaml": "seed_everything: 3\n",
    "tab.yaml": "data:\n\tclass_path: x\n",
    "code.yaml": PWNED,
    "list.yaml": "data: {class_path: IrisDataModule}\nmodel: {class_path: MLP, init_args: {optimizer: [Newton]}}\n",
    "cut.ckpt": "PK123",
    "a_file": "",
}

EARLY = "--trainer.callbacks=EarlyStopping"
ROOT = "--trainer.default_root_dir"

CONFIGURATIONS = {
    "yaml-open": Bad(["--config=open.yaml"], ("open.yaml is not YAML", "line 2")),
    "yaml-unknown": Bad(["--config=unknown.yaml"], ("there is no option --dat.class_path", "--help")),
    "yaml-number": Bad(["--config=number.yaml"], ("--model: give the name of a class", "LogisticRegression")),
    "yaml-trainer": Bad(["--config=trainer.yaml"], ("holds 'fast'", "name: value")),
    "yaml-alone": Bad(["--config=alone.yaml"], ("data, model must be named", "--data=CLASS")),
    "yaml-tab": Bad(["--config=tab.yaml"], ("tab.yaml is not YAML", "line 2")),
    "yaml-code": Bad(["--config=code.yaml"], ("code.yaml is not YAML", "python/object/apply")),
    "yaml-optimizer": Bad(["--config=list.yaml"], ("--model.optimizer: give the name of a class", "Newton")),
}
TRAINERS = {
    "epochs": Bad(["--trainer.max_epochs=-5"], ("must be a non-negative integer or -1", "You passed in -5")),
    "epochs-real": Bad(["--trainer.max_epochs=2.5"], ("--trainer.max_epochs=2.5", "int belongs there")),
    "devices": Bad(["--trainer.devices=many", "--trainer.accelerator=cpu"], ("`devices`", "should be an int > 0", "--help")),
    "accelerator": Bad(["--trainer.accelerator=abacus"], ("`accelerator='abacus'`", "Available names are", "cpu")),
    "strategy": Bad(["--trainer.strategy=magic"], ("`strategy='magic'`", "ddp", "--help")),
    "precision": Bad(["--trainer.precision=thin"], ("--trainer.precision=thin", "'64-true'")),
    "clipping": Bad(
        ["--trainer.gradient_clip_val=1", ONE], ("--trainer.gradient_clip_val=1", "cannot be with Newton", "torch.optim")
    ),
    "accumulation": Bad(
        ["--trainer.accumulate_grad_batches=2", ONE],
        ("--trainer.accumulate_grad_batches=2 cannot be with Newton", "batch_size larger"),
    ),
    "no-batches": Bad(["--trainer.limit_train_batches=0"], ("leaves nothing to train on", "give a number")),
    "batches": Bad(["--trainer.limit_train_batches=-1"], ("for limit_train_batches", "[0.0, 1.0] or an int")),
    "time": Bad(["--trainer.max_time=soon"], ("'soon'", "DD:HH:MM:SS")),
    "callback": Bad(["--trainer.callbacks=Nothing"], ("--trainer.callbacks: there is no class 'Nothing'", "Timer")),
    "data-of-no-class": Bad(["--data.path=good.csv"], ("--data.path does not exist", "--data=TabularDataModule has it")),
    "model-of-no-class": Bad(
        ["--model.widths=[30,2]"], ("--model.widths does not exist", "--model=MLP or --model=ResidualMLP")
    ),
    "callback-misspelt": Bad(["--trainer.callbacks=[Timer,EarlyStoping]"], ("'EarlyStoping' (did you mean EarlyStopping?)",)),
    "callback-without-setting": Bad([EARLY], ("--trainer.callbacks.monitor is missing",)),
    "callback-setting": Bad(
        [EARLY, "--trainer.callbacks.monito=x"], ("monito does not exist", "mean monitor?", "--trainer.callbacks.help=CLASS")
    ),
    "callback-abstract": Bad(["--trainer.callbacks=BaseFinetuning"], ("BaseFinetuning is a base", "BackboneFinetuning")),
    "pruning": Bad(
        ["--trainer.callbacks=ModelPruning", "--trainer.callbacks.pruning_fn=l1_unstructured"],
        ("--trainer.precision=32-true",),
    ),
    "own-checkpoint": Bad(
        ["--trainer.callbacks=ModelCheckpoint", "--trainer.callbacks.filename=best"], ("own best.ckpt", "another filename")
    ),
    "dry-run-resumed": Bad(["--trainer.fast_dev_run=true", "--ckpt_path=last"], ("from no checkpoint", "leave it out")),
    "bare-with-logger": Bad(["--trainer.barebones=true", "--trainer.logger=CSVLogger"], ("barebones", "Logging can impact")),
    "profiler": Bad(["--trainer.profiler=xla"], ("needs torch_xla", "take simple")),
    "backbone": Bad(["--trainer.callbacks=BackboneFinetuning"], ("called backbone", "LogisticRegression has none")),
    "finder-of-lr": Bad(["--trainer.callbacks=LearningRateFinder"], ("here it is the method's", "compare some values")),
    "finder-of-batch": Bad(["--trainer.callbacks=BatchSizeFinder"], ("None, all rows", "leave the callback out")),
    "callback-twice": Bad(
        ["--trainer.callbacks=[LearningRateMonitor,RichProgressBar,TQDMProgressBar]"], ("one progress bar", "leave one out")
    ),
    "logger": Bad(["--trainer.logger=CSVLoger"], ("there is no class 'CSVLoger' (did you mean CSVLogger?)",)),
    "logger-in-list": Bad(["--trainer.logger=[CSVLoger]"], ("there is no class 'CSVLoger' (did you mean CSVLogger?)",)),
    "logger-setting": Bad(
        ["--trainer.logger=CSVLogger", "--trainer.logger.nam=x"], ("mean name?", "--trainer.logger.help=CLASS")
    ),
    "spawn": Bad(["--trainer.strategy=ddp_spawn"], ("by multiprocessing", "--trainer.strategy=ddp,")),
    "fork": Bad(["--trainer.strategy=ddp_fork_find_unused_parameters_true"], ("by multiprocessing", "--trainer.strategy=ddp,")),
    "notebook": Bad(["--trainer.strategy=ddp_notebook"], ("by multiprocessing", "--trainer.strategy=ddp,")),
    "sharded": Bad(["--trainer.strategy=fsdp"], ("a part of the model", "--trainer.strategy=ddp,")),
    "deepspeed": Bad(["--trainer.strategy=deepspeed_stage_2"], ("a part of the model", "--trainer.strategy=ddp,")),
    "share-of-test": Bad(
        ["--trainer.limit_test_batches=0.0001"], ("limit_test_batches=0.0001 of the only batch for the test", "such as 1")
    ),
    "share-of-training": Bad(
        ["--trainer.limit_train_batches=0.1", "--data.batch_size=100"], ("limit_train_batches=0.1 of 4 batches", "such as 1")
    ),
    "share-of-validation": Bad(["--trainer.limit_val_batches=0.5"], ("limit_val_batches=0.5 of the only batch",)),
    "share-of-overfitting": Bad(["--trainer.overfit_batches=0.5"], ("overfit_batches=0.5 of the only batch for training",)),
    "validation-every": Bad(["--trainer.check_val_every_n_epoch=0"], ("check_val_every_n_epoch=0", "≥ 1")),
    "best-without-batches": Bad(["--trainer.limit_val_batches=0", "--test_weights=best"], ("needs validation",)),
    "best-untested": Bad(["--trainer.limit_test_batches=0", "--test_weights=best"], ("there is no test",)),
    "every-n-without-checkpoints": Bad(
        ["--trainer.enable_checkpointing=false", "--checkpoint_every_n_steps=2"], ("enable_checkpointing=false", "leave one")
    ),
    "seed": Bad(["--seed_everything=-1"], ("-1 is not in bounds", "from 0 to")),
    "seed-text": Bad(["--seed_everything=lucky"], ("--seed_everything=lucky", "int belongs there")),
    "learning-rate": Bad([SGD, "--model.optimizer.lr=-1"], ("Invalid learning rate: -1.0", "--model.optimizer.help=CLASS")),
    "betas": Bad([ADAM, "--model.optimizer.betas=[2,3]"], ("beta parameter at index 0", "--model.optimizer.help=CLASS")),
    "monitor-test": Bad([EARLY, "--trainer.callbacks.monitor=test/loss"], ("worthless", "monitor 'val/loss' instead")),
    "best-before-validation": Bad(
        [
            "--trainer.check_val_every_n_epoch=null",
            "--trainer.val_check_interval=3",
            "--trainer.max_epochs=2",
            "--test_weights=best",
        ],
        ("in an epoch that there is",),
    ),
    "best-without-validation": Bad(["--data.val_fraction=0", "--test_weights=best"], ("above 0, or test the last",)),
    "widths": Bad(["--model=MLP", "--model.widths=[5,3,2]"], ("rows of 5 features", "make the first width")),
    "digits": Bad(["--data=DigitsDataModule", "--data.digits=[1,12]", SOFTMAX], ("12 is no digit", "0 to 9")),
    "views": Bad(
        ["--data=DigitsDataModule", "--model=SimCLR", ADAM],
        ("two views", "MNISTTwoViewDataModule"),
    ),
    "norms": Bad(["--gradient_norms.every_n_steps=0"], ("every_n_steps=0", "≥ 1")),
    "histograms": Bad(["--histograms.every_n_steps=-1"], ("every_n_steps=-1", "0 for never")),
}
PLACES = {
    "checkpoint-missing": Bad(["--ckpt_path=none.ckpt"], ("there is no checkpoint none.ckpt", "check --ckpt_path")),
    "checkpoint-folder": Bad(["--ckpt_path=folder.csv"], ("it is a folder", "check --ckpt_path")),
    "checkpoint-cut": Bad(["--ckpt_path=cut.ckpt"], ("cut.ckpt is damaged", "no whole one beside it")),
    "checkpoint-other": Bad(["--ckpt_path=good.csv"], ("good.csv is damaged (it is truncated or no checkpoint",)),
    "checkpoint-last": Bad(["--ckpt_path=last"], ("no checkpoint in logs", "without --ckpt_path")),
    "checkpoint-steps": Bad(["--checkpoint_every_n_steps=0"], ("every_n_steps=0", "≥ 1, or leave it out")),
    "root-is-a-file": Bad([f"{ROOT}=a_file"], ("cannot be written to", "Not a directory", "name another folder")),
    "root-read-only": Bad([f"{ROOT}=/proc"], ("cannot be written to /proc", "name another folder")),
    "root-elsewhere": Bad([f"{ROOT}=s3://bucket/runs"], ("s3://bucket/runs is no folder of this machine",)),
    "root-device": Bad([f"{ROOT}=/dev/full"], ("cannot be written to /dev/full", "name another folder")),
    "no-network": Bad(
        ["--data=CaliforniaHousingDataModule", "--data.data_dir=nowhere", LINEAR],
        ("could not be downloaded", "no network in tests", "connect to the network, or put", "as data_dir"),
    ),
    "no-download": Bad(["--data=MNISTDataModule", "--data.download=false", SOFTMAX], ("MNIST is not in data", "download=true")),
    "local-rank": Bad(DDP, ("LOCAL_RANK='one'", "whole number", "unset it"), {"LOCAL_RANK": "one"}),
    "world-size": Bad(DDP, ("WORLD_SIZE='-2'", "whole number", "unset it"), {"WORLD_SIZE": "-2"}),
    "environment-seed": Bad(["--seed_everything=true"], ("PL_GLOBAL_SEED='x'", "unset it"), {"PL_GLOBAL_SEED": "x"}),
    "port": Bad(DDP, ("MASTER_PORT='http'", "correct or unset it"), {"MASTER_PORT": "http"}),
    "port-too-large": Bad(DDP, ("MASTER_PORT=70000 is no port", "up to 65535"), {"MASTER_PORT": "70000"}),
}
