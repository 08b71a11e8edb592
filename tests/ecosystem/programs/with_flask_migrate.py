"""Flask-Migrate: a database that follows its models, by the command line."""

import os
import re
import runpy
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import flask_migrate
import pytest

PROGRAM = """\
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + app.root_path + "/shop.db"
db = SQLAlchemy(app)
migrate = Migrate(app, db)


class Product(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(40), nullable=False)
"""

ONE_MORE_COLUMN = '    price = db.Column(db.Integer, server_default="7")\n'

FLASK = (
    ["-m", "flask"] if os.environ.get("ECOSYSTEM_FRAMEWORK") == "flask" else ["-m", "costrel.as_flask", "-m", "flask"]
)


class Project:
    """The folder of a program, and what its database holds."""

    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "shop.py"
        self.program.write_text(PROGRAM)

    def run(self, *arguments):
        """Runs ``flask db`` in a process of its own, and returns what it wrote."""
        command = [sys.executable, *FLASK, "--app", "shop", "db", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def columns(self, table="product"):
        with closing(sqlite3.connect(self.folder / "shop.db")) as database:
            return [row[1] for row in database.execute(f"pragma table_info({table})")]

    def execute(self, statement):
        with closing(sqlite3.connect(self.folder / "shop.db")) as database, database:
            return database.execute(statement).fetchall()

    def revisions(self):
        return sorted((self.folder / "migrations" / "versions").glob("*.py"))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project whose first migration is applied, to be copied."""
    project = Project(tmp_path_factory.mktemp("first"))
    project.run("init")
    assert "Detected added table 'product'" in project.run("migrate", "-m", "first table")
    project.run("upgrade")
    return project


@pytest.fixture
def project(first, tmp_path):
    return Project(shutil.copytree(first.folder, tmp_path / "project"))


def test_a_first_table(project):
    """``init`` and ``migrate`` write the files of the migration, and ``upgrade`` creates the table."""
    assert "sqlalchemy" in (project.folder / "migrations" / "alembic.ini").read_text()
    assert [file.name.partition("_")[2] for file in project.revisions()] == ["first_table.py"]
    assert project.columns() == ["id", "name"]


def test_a_change_and_back(project):
    """A new column reaches the rows that are there; ``downgrade`` takes it away, and the rows stay."""
    project.execute("insert into product (name) values ('bread')")
    project.program.write_text(PROGRAM + ONE_MORE_COLUMN)
    assert "Detected added column 'product.price'" in project.run("migrate", "-m", "prices")
    project.run("upgrade")
    assert project.execute("select name, price from product") == [("bread", 7)]
    project.run("downgrade")
    assert project.columns() == ["id", "name"]
    assert project.execute("select name from product") == [("bread",)]


@pytest.fixture
def app(project, monkeypatch):
    """The application in this process; alembic reads the migrations from the current folder."""
    monkeypatch.chdir(project.folder)
    names = runpy.run_path(str(project.program))
    yield names["app"]
    with names["app"].app_context():
        names["db"].engine.dispose()


@pytest.fixture
def runner(app):
    return app.test_cli_runner()


def test_no_change(project, runner):
    """Without a change there is nothing to migrate."""
    assert runner.invoke(args=["db", "migrate"]).exit_code == 0
    assert len(project.revisions()) == 1


def test_stamp(project, runner):
    """``stamp`` sets the revision without a change of the tables."""
    number = re.match("[0-9a-f]+", project.revisions()[0].name)[0]
    assert project.execute("select * from alembic_version") == [(number,)]
    assert runner.invoke(args=["db", "stamp", "base"]).exit_code == 0
    assert project.execute("select * from alembic_version") == []
    assert project.columns() == ["id", "name"]


def test_statements_only(project, runner):
    """``upgrade --sql`` prints the statements instead of running them."""
    project.execute("drop table product")
    assert "CREATE TABLE product" in runner.invoke(args=["db", "upgrade", "--sql", "base:head"]).output
    assert project.columns() == []


def test_mistakes(runner):
    """A second ``init`` fails, and so does an ``upgrade`` without a folder."""
    assert runner.invoke(args=["db", "init"]).exit_code == 1
    assert runner.invoke(args=["db", "upgrade", "--directory", "missing"]).exit_code == 1
    assert "No such command" in runner.invoke(args=["db", "upgrad"]).output


def test_in_the_program(project, app):
    """The functions work in an application context too."""
    with app.app_context():
        flask_migrate.downgrade(revision="base")
        assert project.columns() == []
        flask_migrate.upgrade()
        assert project.columns() == ["id", "name"]
