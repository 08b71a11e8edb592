"""Flask-Admin: the administration of a shop, with its database, its files and pages of its own."""

import io
import re

import pytest
from flask import Flask, redirect, request, session, url_for
from flask_admin import Admin, AdminIndexView, BaseView, expose
from flask_admin.actions import action
from flask_admin.contrib.fileadmin import FileAdmin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import FileUploadField, SecureForm
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class Category(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(40), unique=True, nullable=False)

    def __str__(self):
        return self.name


class Product(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(40), nullable=False)
    price = db.Column(db.Integer, nullable=False, default=1)
    sold_out = db.Column(db.Boolean, nullable=False, default=False)
    leaflet = db.Column(db.String(80))
    category_id = db.Column(db.Integer, db.ForeignKey(Category.id))
    category = db.relationship(Category, backref="products")


class Home(AdminIndexView):
    @expose("/")
    def index(self):
        if session.get("user") != "Ada":
            return redirect(url_for("login"))
        return super().index()


class ForAda(ModelView):
    def is_accessible(self):
        return session.get("user") == "Ada"

    def inaccessible_callback(self, name, **kwargs):
        return redirect(url_for("login", wanted=request.path))


class ProductView(ForAda):
    can_export = True
    page_size = 5
    column_list = ("name", "price", "category", "sold_out")
    column_searchable_list = ("name",)
    column_filters = ("price",)
    column_editable_list = ("price",)
    form_excluded_columns = ("sold_out",)

    @action("sell", "Sell out", "Really?")
    def sell(self, numbers):
        for product in db.session.scalars(db.select(Product).where(Product.id.in_(numbers))):
            product.sold_out = True
        db.session.commit()

    def on_model_change(self, form, model, is_created):
        if model.price < 0:
            raise ValueError("A price is not negative.")


class CategoryView(ForAda):
    form_base_class = SecureForm


class Report(BaseView):
    @expose("/")
    def index(self):
        return f"{db.session.scalar(db.select(db.func.count(Product.id)))} products"

    @expose("/of/<int:year>", methods=["GET", "POST"])
    def of(self, year):
        return f"{request.method} {year} {self.get_url('.of', year=year + 1)}"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "leaflets"
    folder.mkdir()
    return folder


@pytest.fixture
def app(tmp_path, folder):
    app = Flask(__name__)
    app.secret_key = "for the messages"
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'shop.db'}"
    db.init_app(app)
    Babel(app)  # Flask-Admin translates with Flask-Babel wherever that is installed.

    class ProductWithLeaflet(ProductView):
        form_overrides = {"leaflet": FileUploadField}
        form_args = {"leaflet": {"base_path": str(folder), "allowed_extensions": ["txt"]}}

    admin = Admin(app, name="Shop", theme=Bootstrap4Theme(swatch="cerulean"), index_view=Home(name="Start"))
    admin.add_view(ProductWithLeaflet(Product, db, endpoint="product"))
    admin.add_view(CategoryView(Category, db, category="More"))
    admin.add_view(Report(name="Report", endpoint="report", category="More"))
    admin.add_view(FileAdmin(str(folder), name="Leaflets", endpoint="files"))

    @app.get("/login")
    def login():
        return "log in"

    with app.app_context():
        db.create_all()
        bread = Category(name="bread")
        db.session.add_all(Product(name=f"loaf {number}", price=number, category=bread) for number in range(1, 8))
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app):
    client = app.test_client()
    with client.session_transaction() as session:
        session["user"] = "Ada"
    return client


def names(client, query=""):
    """Returns the names in the list of products."""
    return re.findall(r'<td class="col-name">\s*(.*?)\s*</td>', client.get(f"/admin/product/{query}").text)


def product(app, number):
    with app.app_context():
        found = db.session.get(Product, number)
        return found and (found.name, found.price, found.category and found.category.name, found.sold_out)


def test_start_page(client):
    """The start page has the menu of all views, and its files are served."""
    page = client.get("/admin/").text
    for text in ("Shop", "Start", "Product", "More", "Category", "Report", "Leaflets"):
        assert text in page
    style = re.search(r'href="(/admin/static/[^"]*cerulean[^"]*)"', page)[1]
    with client.get(style) as response:
        assert (response.status_code, response.mimetype) == (200, "text/css")


@pytest.mark.parametrize(
    ("path", "target"),
    [("/admin/", "/login"), ("/admin/product/", "/login?wanted=/admin/product/")],
)
def test_for_others(app, path, target):
    """Those who may not see a view are sent where the program says."""
    response = app.test_client().get(path)
    assert (response.status_code, response.location) == (302, target)


def test_list(client):
    """The list has pages, an order, a search and filters."""
    assert names(client) == [f"loaf {number}" for number in range(1, 6)]
    assert names(client, "?page=1") == ["loaf 6", "loaf 7"]
    assert names(client, "?sort=1&desc=1&page_size=5")[0] == "loaf 7"
    assert names(client, "?search=af+3") == ["loaf 3"]
    view = client.application.extensions["admin"][0]._views[1]
    greater = next(number for number, rule in enumerate(view._filters) if rule.operation() == "greater than")
    assert names(client, f"?flt0_{greater}=5") == ["loaf 6", "loaf 7"]


def test_create(client, app):
    """A form creates a row; the message stands on the page after."""
    response = client.post(
        "/admin/product/new/", data={"name": "roll", "price": "3", "category": "1"}, follow_redirects=True
    )
    assert response.request.path == "/admin/product/"
    assert "Record was successfully created." in response.text
    assert product(app, 8) == ("roll", 3, "bread", False)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "", "price": "3"}, "This field is required."),
        ({"name": "roll", "price": "much"}, "Not a valid integer"),
    ],
)
def test_mistakes(client, app, data, message):
    """A form with a mistake comes back with the reason, and nothing is stored."""
    response = client.post("/admin/product/new/", data=data)
    assert response.status_code == 200
    assert message in response.text
    assert product(app, 8) is None


def test_edit(client, app):
    """A row is edited in a form, or in the list; what the program refuses stays as it was."""
    assert 'value="loaf 2"' in client.get("/admin/product/edit/?id=2").text
    data = {"name": "big loaf", "price": "9", "category": "__None"}
    response = client.post("/admin/product/edit/?id=2&url=/admin/product/", data=data)
    assert (response.status_code, response.location) == (302, "/admin/product/")
    assert product(app, 2) == ("big loaf", 9, None, False)
    assert client.post("/admin/product/ajax/update/", data={"list_form_pk": "2", "price": "4"}).status_code == 200
    assert product(app, 2) == ("big loaf", 4, None, False)
    assert "A price is not negative." in client.post("/admin/product/edit/?id=2", data=data | {"price": "-1"}).text
    assert product(app, 2) == ("big loaf", 4, None, False)


def test_delete_and_action(client, app):
    """Rows are deleted one by one, or many at a time with an action, as is what the program adds."""
    assert client.post("/admin/product/delete/", data={"id": "1"}).status_code == 302
    assert product(app, 1) is None
    assert client.get("/admin/product/delete/?id=2").status_code == 405
    client.post("/admin/product/action/", data={"action": "delete", "rowid": ["2", "3"]})
    client.post("/admin/product/action/", data={"action": "sell", "rowid": ["4"]})
    assert (product(app, 2), product(app, 3)) == (None, None)
    assert product(app, 4) == ("loaf 4", 4, "bread", True)
    assert client.get("/admin/report/").text == "4 products"


def test_export(client):
    """The list is exported as a file."""
    response = client.get("/admin/product/export/csv/?search=af+3")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith("attachment;filename=Product_")
    assert response.text.splitlines() == ["Name,Price,Category,Sold Out", "loaf 3,3,bread,False"]


def test_upload_with_a_row(client, app, folder):
    """A file of a form lies in the folder, its name in the row; other kinds of files are refused."""
    data = {"name": "roll", "price": "3", "leaflet": (io.BytesIO(b"crisp"), "../roll.txt")}
    assert client.post("/admin/product/new/", data=data).status_code == 302
    assert (folder / "roll.txt").read_bytes() == b"crisp"
    with app.app_context():
        assert db.session.get(Product, 8).leaflet == "roll.txt"
    data["leaflet"] = (io.BytesIO(b"crisp"), "roll.exe")
    assert "Invalid file extension" in client.post("/admin/product/new/", data=data).text


def test_files(client, folder):
    """The folder is browsed; files are uploaded, read, renamed and deleted, and none outside of it is reached."""
    data = {"upload": (io.BytesIO(b"fresh"), "bread.txt")}
    assert client.post("/admin/files/upload/", data=data).status_code == 302
    assert (folder / "bread.txt").read_bytes() == b"fresh"
    assert "bread.txt" in client.get("/admin/files/").text
    with client.get("/admin/files/download/bread.txt") as response:
        assert response.data == b"fresh"
        assert response.headers["Content-Disposition"] == "inline; filename=bread.txt"
    client.post("/admin/files/mkdir/", data={"name": "old"})
    assert (folder / "old").is_dir()
    client.post("/admin/files/rename/?path=bread.txt", data={"name": "loaf.txt", "path": "bread.txt"})
    assert (folder / "loaf.txt").exists()
    client.post("/admin/files/delete/", data={"path": "loaf.txt"})
    assert not (folder / "loaf.txt").exists()
    assert client.get("/admin/files/download/../shop.db").status_code == 404


def test_secure_form(client, app):
    """A form with a token is refused without it."""
    assert client.post("/admin/category/new/", data={"name": "nuts"}).status_code == 200
    token = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', client.get("/admin/category/new/").text)[1]
    assert client.post("/admin/category/new/", data={"name": "fruit", "csrf_token": token}).status_code == 302
    with app.app_context():
        assert db.session.scalars(db.select(Category.name)).all() == ["bread", "fruit"]


def test_a_view_of_its_own(client):
    """A view has pages with values in their paths, and builds URLs of itself."""
    assert client.post("/admin/report/of/1999").text == "POST 1999 /admin/report/of/2000"
    assert client.get("/admin/report/of/now").status_code == 404
