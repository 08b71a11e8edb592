"""Flask-SQLAlchemy: a shop with categories and products in a SQLite file."""

import pytest
import sqlalchemy
from flask import Flask, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.record_queries import get_recorded_queries
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Category(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    products: Mapped[list["Product"]] = relationship(back_populates="category", order_by="Product.id")


class Product(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]
    category_id: Mapped[int] = mapped_column(db.ForeignKey("category.id"))
    category: Mapped[Category] = relationship(back_populates="products")


class Visit(db.Model):
    __bind_key__ = "statistics"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


def routes(app):
    @app.get("/products")
    def products():
        page = db.paginate(db.select(Product).order_by(Product.price), max_per_page=5)
        return {
            "names": [product.name for product in page],
            "page": page.page,
            "pages": page.pages,
            "total": page.total,
            "next": page.next_num if page.has_next else None,
            "links": list(page.iter_pages()),
        }

    @app.get("/products/<int:number>")
    def product(number):
        found = db.get_or_404(Product, number, description=f"There is no product {number}.")
        return {"name": found.name, "category": found.category.name}

    @app.post("/products")
    def create():
        category = db.first_or_404(db.select(Category).filter_by(name=request.form["category"]))
        db.session.add(Product(name=request.form["name"], price=int(request.form["price"]), category=category))
        db.session.commit()
        return "", 201

    @app.get("/category/<name>")
    def category(name):
        return jsonify([product.name for product in db.one_or_404(db.select(Category).filter_by(name=name)).products])

    @app.get("/old/<name>")
    def old_query(name):
        return {"price": Product.query.filter_by(name=name).first_or_404().price}

    @app.post("/forgotten")
    def forgotten():
        db.session.add(Category(name="never committed"))
        db.session.flush()
        return {"categories": db.session.scalar(db.select(db.func.count(Category.id)))}

    @app.post("/broken")
    def broken():
        db.session.add(Category(name="half"))
        db.session.flush()
        raise RuntimeError("after the flush")

    @app.get("/session")
    def session():
        return {"same": db.session() is db.session(), "id": id(db.session())}

    @app.post("/visits")
    def visit():
        db.session.add(Visit(path=request.path))
        db.session.commit()
        return {"queries": [query.statement.split()[0] for query in get_recorded_queries()]}


@pytest.fixture
def app(tmp_path):
    app = Flask(__name__, instance_path=str(tmp_path / "instance"))
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///shop.db"
    app.config["SQLALCHEMY_BINDS"] = {"statistics": f"sqlite:///{tmp_path / 'statistics.db'}"}
    app.config["SQLALCHEMY_RECORD_QUERIES"] = True
    db.init_app(app)
    routes(app)
    with app.app_context():
        db.create_all()
        bread, fruit = Category(name="bread"), Category(name="fruit")
        db.session.add_all([bread, fruit])
        for price in range(1, 8):
            db.session.add(Product(name=f"loaf {price}", price=price, category=bread))
        db.session.add(Product(name="apple", price=9, category=fruit))
        db.session.commit()
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def client(app):
    return app.test_client()


def test_pages(client):
    """A page takes its number and size from the query, and knows its neighbours."""
    assert client.get("/products?per_page=3").json == {
        "names": ["loaf 1", "loaf 2", "loaf 3"],
        "page": 1,
        "pages": 3,
        "total": 8,
        "next": 2,
        "links": [1, 2, 3],
    }
    last = client.get("/products?page=2&per_page=100").json
    assert (last["names"], last["next"]) == (["loaf 6", "loaf 7", "apple"], None)
    assert client.get("/products?page=9").status_code == 404
    assert client.get("/products?page=none").status_code == 404


@pytest.mark.parametrize("path", ["/products/99", "/category/none", "/old/none"])
def test_what_is_missing(client, path):
    """The ``..._or_404`` methods end the request with that status."""
    assert client.get(path).status_code == 404


def test_description_of_what_is_missing(client):
    """The page says what the program gave as a description."""
    assert "There is no product 99." in client.get("/products/99").text


def test_relationships(client):
    """Both ends of a relationship load what they belong to."""
    assert client.get("/products/8").json == {"name": "apple", "category": "fruit"}
    assert client.get("/category/fruit").json == ["apple"]
    assert client.get("/old/apple").json == {"price": 9}


def test_what_is_committed_stays(client, app):
    """A product of one request is there in the next, and in the file."""
    data = {"name": "pear", "price": "4", "category": "fruit"}
    assert client.post("/products", data=data).status_code == 201
    assert client.get("/category/fruit").json == ["apple", "pear"]
    assert client.post("/products", data=data | {"category": "none"}).status_code == 404
    with sqlalchemy.create_engine(f"sqlite:///{app.instance_path}/shop.db").connect() as connection:
        assert connection.scalar(sqlalchemy.text("select count(*) from product")) == 9
    connection.engine.dispose()


def test_the_session_ends_with_the_request(client):
    """What was not committed is rolled back at the end of the request, also after an error."""
    assert client.post("/forgotten").json == {"categories": 3}
    assert client.post("/broken").status_code == 500
    assert client.get("/category/half").status_code == 404
    assert client.post("/forgotten").json == {"categories": 3}


def test_one_session_for_each_context(client, app):
    """Within a request the session is one; a nested context has another."""
    assert client.get("/session").json["same"] is True
    with app.app_context():
        outer = db.session()
        with app.app_context():
            assert db.session() is not outer
        assert db.session() is outer


def test_another_bind_and_recorded_queries(client, app, tmp_path):
    """A model may live in a second database; the queries of a request are recorded."""
    assert client.post("/visits").json == {"queries": ["INSERT"]}
    assert (tmp_path / "statistics.db").exists()
    with app.app_context():
        assert db.session.scalars(db.select(Visit.path)).all() == ["/visits"]
        assert sorted(db.metadatas["statistics"].tables) == ["visit"]


def test_shell_context(app):
    """``flask shell`` offers the models."""
    with app.app_context():
        names = app.make_shell_context()
    assert names["db"] is db
    assert names["Product"] is Product


def test_outside_of_a_context():
    """The session says that it needs the application."""
    with pytest.raises(RuntimeError, match="application context"):
        db.session.execute(db.select(Product))
